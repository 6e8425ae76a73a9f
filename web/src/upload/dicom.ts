// As much of a DICOM file's header as names it (PS3.5 §7.1, PS3.10 §7.1). Everything in it is hostile: bounds first.
import { inflated } from "./zip.ts";
import type { DicomHeader } from "./types.ts";

const IMPLICIT = "1.2.840.10008.1.2";
const DEFLATED = "1.2.840.10008.1.2.1.99";
const BIG_ENDIAN = "1.2.840.10008.1.2.2";
/** Media Storage Directory: a table of contents, no object. */
const DIRECTORY = "1.2.840.10008.1.3.10";
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
const UNDEFINED = 0xffffffff;
const DEPTH = 16;
/** The last attribute that is read: Series Instance UID. */
const LAST = 0x0020000e;
const CHARACTERS = 1000;

const WANTED: Record<number, keyof DicomHeader> = {
  0x00080018: "sop",
  0x00080020: "date",
  0x00080060: "modality",
  0x00081030: "description",
  0x00100010: "patientName",
  0x00100020: "patientId",
  0x0020000d: "study",
  0x0020000e: "series",
};

export function isDicom(start: Uint8Array): boolean {
  return start.length >= 132 && start[128] === 0x44 && start[129] === 0x49 && start[130] === 0x43 && start[131] === 0x4d;
}

/** `short`: the bytes end before the header does. `null` header: an object in a transfer syntax that is not read here. */
export type HeaderRead = { header: DicomHeader | null } | { directory: true } | { short: true };

interface Cursor {
  view: DataView;
  at: number;
  explicit: boolean;
}

class Short extends Error {}

interface Head {
  tag: number;
  vr: string;
  length: number;
}

function head(cursor: Cursor): Head {
  const { view, explicit } = cursor;
  if (cursor.at + 8 > view.byteLength) throw new Short();
  const tag = view.getUint16(cursor.at, true) * 0x10000 + view.getUint16(cursor.at + 2, true);
  if (!explicit || tag >= 0xfffee000) {
    const length = view.getUint32(cursor.at + 4, true);
    cursor.at += 8;
    return { tag, vr: "", length };
  }
  const vr = String.fromCharCode(view.getUint8(cursor.at + 4), view.getUint8(cursor.at + 5));
  if (!LONG.has(vr)) {
    const length = view.getUint16(cursor.at + 6, true);
    cursor.at += 8;
    return { tag, vr, length };
  }
  if (cursor.at + 12 > view.byteLength) throw new Short();
  const length = view.getUint32(cursor.at + 8, true);
  cursor.at += 12;
  return { tag, vr, length };
}

/** Goes past a sequence, or bytes in items, of undefined length. */
function skipUndefined(cursor: Cursor, depth: number) {
  if (depth > DEPTH) throw new Error("sequences are nested too deep");
  for (;;) {
    const item = head(cursor);
    if (item.tag === 0xfffee0dd) return;
    if (item.tag !== 0xfffee000) throw new Error("a sequence holds something that is no item");
    if (item.length !== UNDEFINED) cursor.at += item.length;
    else skipItem(cursor, depth + 1);
  }
}

function skipItem(cursor: Cursor, depth: number) {
  if (depth > DEPTH) throw new Error("sequences are nested too deep");
  for (;;) {
    const element = head(cursor);
    if (element.tag === 0xfffee00d) return;
    if (element.length === UNDEFINED) skipUndefined(cursor, depth + 1);
    else cursor.at += element.length;
  }
}

function value(cursor: Cursor, length: number): Uint8Array {
  if (cursor.at + length > cursor.view.byteLength) throw new Short();
  return new Uint8Array(cursor.view.buffer, cursor.view.byteOffset + cursor.at, Math.min(length, CHARACTERS * 4));
}

const CHARSETS: Record<string, string> = {
  "": "windows-1252", "ISO_IR 6": "windows-1252", "ISO_IR 100": "iso-8859-1", "ISO_IR 101": "iso-8859-2", "ISO_IR 109": "iso-8859-3",
  "ISO_IR 110": "iso-8859-4", "ISO_IR 144": "iso-8859-5", "ISO_IR 127": "iso-8859-6", "ISO_IR 126": "iso-8859-7", "ISO_IR 138": "iso-8859-8",
  "ISO_IR 148": "windows-1254", "ISO_IR 203": "iso-8859-15", "ISO_IR 166": "windows-874", "ISO_IR 13": "shift_jis", "ISO_IR 192": "utf-8", GB18030: "gb18030", GBK: "gb18030",
  "ISO 2022 IR 13": "iso-2022-jp", "ISO 2022 IR 87": "iso-2022-jp", "ISO 2022 IR 159": "iso-2022-jp", "ISO 2022 IR 149": "euc-kr", "ISO 2022 IR 58": "gb18030",
};

function text(bytes: Uint8Array, charset: string): string {
  // every value counts: the first is often empty where an East Asian one follows
  const names = charset.split("\\").map((name) => name.trim());
  const known = [...names].reverse().find((name) => name !== "" && CHARSETS[name]) ?? names[0] ?? "";
  const label = CHARSETS[known] ?? CHARSETS[known.replace("ISO 2022 IR", "ISO_IR")] ?? "windows-1252";
  return new TextDecoder(label).decode(bytes).replace(/[\0 ]+$/, "").trim().slice(0, CHARACTERS);
}

/** Reads from the start of a Part 10 file. Throws where it is no DICOM. */
export function readHeader(bytes: Uint8Array): HeaderRead {
  try {
    return readWhole(bytes);
  } catch (error) {
    if (error instanceof Short) return { short: true };
    throw error;
  }
}

function readWhole(bytes: Uint8Array): HeaderRead {
  const cursor: Cursor = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 132, explicit: true };
  let syntax = "";
  let named = "";
  for (;;) {
    const before = cursor.at;
    const element = head(cursor);
    if (element.tag > 0x0002ffff) {
      cursor.at = before;
      break;
    }
    if (element.length === UNDEFINED) throw new Error("file meta information of undefined length");
    const plain = () => text(value(cursor, element.length), "");
    if (element.tag === 0x00020002 && plain() === DIRECTORY) return { directory: true };
    if (element.tag === 0x00020003) named = plain();
    if (element.tag === 0x00020010) syntax = plain();
    cursor.at += element.length;
  }
  if (syntax === BIG_ENDIAN) return { header: null };
  if (syntax === DEFLATED) {
    const rest = inflated(bytes.subarray(cursor.at), 1 << 20);
    return { header: dataSet({ view: new DataView(rest.buffer, rest.byteOffset, rest.byteLength), at: 0, explicit: true }, named) };
  }
  cursor.explicit = syntax !== IMPLICIT;
  return { header: dataSet(cursor, named) };
}

function dataSet(cursor: Cursor, named: string): DicomHeader | null {
  const header: DicomHeader = { sop: named, study: "", series: "", patientName: "", patientId: "", description: "", modality: "", date: "" };
  let charset = "";
  while (cursor.at < cursor.view.byteLength) {
    const element = head(cursor);
    if (element.tag > LAST) break;
    if (element.length === UNDEFINED) {
      skipUndefined(cursor, 0);
      continue;
    }
    if (element.tag === 0x00080005) charset = text(value(cursor, element.length), "");
    const name = WANTED[element.tag];
    if (name) header[name] = text(value(cursor, element.length), charset);
    cursor.at += element.length;
  }
  return header.study && header.sop ? header : null;
}
