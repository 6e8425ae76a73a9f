// Looks into files beside the page: what they are is told by their content, never by their name.
import { fromDocument, fromLines } from "./bundles.ts";
import { isDicom, readHeader } from "./dicom.ts";
import { bytesOf, isZip, list, ZipProblem } from "./zip.ts";
import type { FhirPart, Found, FromWorker, Skipped, Source, ToWorker } from "./types.ts";

const FIRST = 128 << 10;
const HEADER = 8 << 20;
const JSON_FILE = 128 << 20;
const BATCH_BYTES = 4 << 20;
const BATCH_LINES = 200;
const LINE = 16 << 20;
const makeId = () => crypto.randomUUID();

function post(message: FromWorker) {
  postMessage(message);
}

async function look(source: Source, path: string, size: number, nested: boolean): Promise<Found[]> {
  if (size === 0) return [{ kind: "skipped", path, size, why: "empty" }];
  let bytes = await bytesOf(source, FIRST);
  if (isDicom(bytes)) {
    let read = readHeader(bytes);
    if ("short" in read && size > bytes.length) {
      bytes = await bytesOf(source, HEADER);
      read = readHeader(bytes);
    }
    if ("directory" in read) return [{ kind: "skipped", path, size, why: "directory" }];
    return [{ kind: "dicom", path, size, source, header: "header" in read ? read.header : null }];
  }
  if (isZip(bytes)) return nested ? [{ kind: "skipped", path, size, why: "nestedZip" }] : unpack(source, path);
  const head = new TextDecoder().decode(bytes.subarray(0, 4096)).replace(/^\ufeff/, "").trimStart();
  if (!head.startsWith("{")) return [{ kind: "skipped", path, size, why: "unknown" }];
  const text = new TextDecoder().decode(bytes);
  const lines = isLines(text);
  if (!lines && size > JSON_FILE) return [{ kind: "skipped", path, size, why: "jsonTooLarge" }];
  return [{ kind: "fhir", path, size, source, lines }];
}

/** Newline-delimited: its first line is an object by itself, and something follows. */
function isLines(text: string): boolean {
  const end = text.indexOf("\n");
  if (end < 0 || text.slice(end).trim() === "") return false;
  try {
    return typeof JSON.parse(text.slice(0, end).replace(/^\ufeff/, "")) === "object";
  } catch {
    return false;
  }
}

async function unpack(source: Source, path: string): Promise<Found[]> {
  const found: Found[] = [];
  for (const { path: inner, entry, why } of await list(source.file)) {
    const name = `${path} › ${inner}`;
    if (why) {
      found.push({ kind: "skipped", path: name, size: entry.size, why });
      continue;
    }
    found.push(...(await lookSafely({ file: source.file, entry }, name, entry.size, true)));
  }
  return found;
}

async function lookSafely(source: Source, path: string, size: number, nested: boolean): Promise<Found[]> {
  try {
    return await look(source, path, size, nested);
  } catch (error) {
    const why: Skipped = error instanceof ZipProblem ? error.why : error instanceof DOMException ? "unreadable" : "unknown";
    return [{ kind: "skipped", path, size, why }];
  }
}

async function scan(id: number, files: { file: File; path: string }[]) {
  for (const { file, path } of files) post({ id, found: await lookSafely({ file }, path, file.size, false) });
  post({ id, scanned: true });
}

async function fhir(source: Source, lines: boolean, from: number): Promise<FhirPart> {
  if (!lines) return fromDocument(new TextDecoder().decode(await bytesOf(source)), makeId);
  const whole = source.entry ? new Blob([await bytesOf(source)]) : source.file;
  let length = BATCH_BYTES;
  for (;;) {
    const bytes = new Uint8Array(await whole.slice(from, from + length).arrayBuffer());
    const isEnd = from + bytes.length >= whole.size;
    let cut = isEnd ? bytes.length : bytes.lastIndexOf(10) + 1;
    if (cut === 0) {
      if (length >= LINE) return { request: null, next: null, problem: "jsonTooLarge" };
      length = LINE;
      continue;
    }
    let count = 0;
    for (let i = 0; i < cut; i += 1) {
      if (bytes[i] === 10) count += 1;
      if (count === BATCH_LINES) cut = i + 1;
    }
    const { request, broken } = fromLines(new TextDecoder().decode(bytes.subarray(0, cut)).split("\n"), makeId);
    const next = from + cut >= whole.size ? null : from + cut;
    return { request, next, problem: broken > 0 ? "notFhir" : undefined };
  }
}

onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  const { id } = data;
  try {
    if (data.ask === "scan") await scan(id, data.files);
    else if (data.ask === "bytes") post({ id, bytes: new Blob([await bytesOf(data.source)]) });
    else post({ id, part: await fhir(data.source, data.lines, data.from) });
  } catch (error) {
    post({ id, failed: error instanceof ZipProblem ? error.why : error instanceof DOMException ? "unreadable" : "jsonBroken" });
  }
};
