// What goes between the page, the worker that reads files, and the engine that sends them.

/** An entry of a ZIP file, as its central directory has it. */
export interface ZipEntry {
  offset: number;
  packed: number;
  size: number;
  deflated: boolean;
}

/** Where the bytes of an item are: a file on disk, or an entry of one. Nothing is held in memory. */
export interface Source {
  file: File;
  entry?: ZipEntry;
}

/** What the header of a DICOM object says, as text for people. */
export interface DicomHeader {
  sop: string;
  study: string;
  series: string;
  patientName: string;
  patientId: string;
  description: string;
  modality: string;
  /** DA */
  date: string;
}

/** Why a file is not sent; a key in `upload:skipped`. */
export type Skipped =
  | "unknown"
  | "empty"
  | "directory"
  | "nestedZip"
  | "zipBroken"
  | "zipEncrypted"
  | "zipMethod"
  | "zipEntries"
  | "zipTooLarge"
  | "entryTooLarge"
  | "jsonTooLarge"
  | "jsonBroken"
  | "notFhir"
  | "unreadable";

export type Found =
  | { kind: "dicom"; path: string; size: number; source: Source; header: DicomHeader | null }
  | { kind: "fhir"; path: string; size: number; source: Source; lines: boolean }
  | { kind: "skipped"; path: string; size: number; why: Skipped };

/** One request to `/fhir`: a Bundle, and whether its entries stand or fall together. */
export interface FhirRequest {
  body: Blob;
  entries: number;
  whole: boolean;
}

/** The next requests of a file, and where to go on; `next` is null at its end. */
export interface FhirPart {
  request: FhirRequest | null;
  next: number | null;
  problem?: Skipped;
}

export type ToWorker =
  | { id: number; ask: "scan"; files: { file: File; path: string }[] }
  | { id: number; ask: "bytes"; source: Source }
  | { id: number; ask: "fhir"; source: Source; lines: boolean; from: number };

export type FromWorker =
  | { id: number; found: Found[] }
  | { id: number; scanned: true }
  | { id: number; bytes: Blob }
  | { id: number; part: FhirPart }
  | { id: number; failed: Skipped };
