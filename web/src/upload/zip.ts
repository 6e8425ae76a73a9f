// ZIP files, read by their central directory (APPNOTE 4.3): entries are found without unpacking, and unpacked one by one, within bounds.
import { Inflate } from "fflate";
import type { Skipped, Source, ZipEntry } from "./types.ts";

const ENTRIES = 60_000;
const DIRECTORY = 32 << 20;
/** Of all entries together, unpacked. */
const TOTAL = 64 * 2 ** 30;
/** Of one entry, unpacked: it is held in memory while it is sent. */
const ENTRY = 512 << 20;
const CHUNK = 1 << 20;

export class ZipProblem extends Error {
  constructor(readonly why: Skipped) {
    super(why);
  }
}

export interface Listed {
  path: string;
  entry: ZipEntry;
  /** Why it cannot be taken out. */
  why?: Skipped;
}

export function isZip(start: Uint8Array): boolean {
  return start[0] === 0x50 && start[1] === 0x4b && ((start[2] === 3 && start[3] === 4) || (start[2] === 5 && start[3] === 6));
}

async function view(file: Blob, from: number, to: number): Promise<DataView> {
  return new DataView(await file.slice(from, to).arrayBuffer());
}

/** The files that a ZIP holds. Throws a `ZipProblem`. */
export async function list(file: Blob): Promise<Listed[]> {
  const from = Math.max(0, file.size - 65_557);
  const tail = await view(file, from, file.size);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new ZipProblem("zipBroken");
  const count = tail.getUint16(end + 10, true);
  const length = tail.getUint32(end + 12, true);
  const offset = tail.getUint32(end + 16, true);
  if (count === 0xffff || offset === 0xffffffff || count > ENTRIES) throw new ZipProblem("zipEntries");
  if (length > DIRECTORY || offset + length > from + end) throw new ZipProblem("zipBroken");
  return entries(await view(file, offset, offset + length), count);
}

function entries(directory: DataView, count: number): Listed[] {
  const listed: Listed[] = [];
  let at = 0;
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > directory.byteLength || directory.getUint32(at, true) !== 0x02014b50) throw new ZipProblem("zipBroken");
    const flags = directory.getUint16(at + 8, true);
    const method = directory.getUint16(at + 10, true);
    const packed = directory.getUint32(at + 20, true);
    const size = directory.getUint32(at + 24, true);
    const nameLength = directory.getUint16(at + 28, true);
    const next = at + 46 + nameLength + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
    if (next > directory.byteLength) throw new ZipProblem("zipBroken");
    const name = new Uint8Array(directory.buffer, at + 46, nameLength);
    const path = new TextDecoder(flags & 0x800 ? "utf-8" : "windows-1252").decode(name).slice(0, 1000);
    const entry = { offset: directory.getUint32(at + 42, true), packed, size, deflated: method === 8 };
    at = next;
    if (path.endsWith("/")) continue;
    total += size;
    if (total > TOTAL) throw new ZipProblem("zipTooLarge");
    const why: Skipped | undefined =
      flags & 1 ? "zipEncrypted" : method !== 0 && method !== 8 ? "zipMethod" : size > ENTRY || packed > ENTRY ? "entryTooLarge" : undefined;
    listed.push({ path, entry, why });
  }
  return listed;
}

/** Where the bytes of an entry lie in its file. */
async function body(source: Source, entry: ZipEntry): Promise<Blob> {
  const local = await view(source.file, entry.offset, entry.offset + 30);
  if (local.byteLength < 30 || local.getUint32(0, true) !== 0x04034b50) throw new ZipProblem("zipBroken");
  const from = entry.offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  if (from + entry.packed > source.file.size) throw new ZipProblem("zipBroken");
  return source.file.slice(from, from + entry.packed);
}

/** The first `wanted` bytes of a source, or all of it. Never more than its entry declares. */
export async function bytesOf(source: Source, wanted = Number.POSITIVE_INFINITY): Promise<Uint8Array<ArrayBuffer>> {
  const { entry } = source;
  if (!entry) return new Uint8Array(await source.file.slice(0, Math.min(wanted, source.file.size)).arrayBuffer());
  const blob = await body(source, entry);
  if (!entry.deflated) return new Uint8Array(await blob.slice(0, Math.min(wanted, blob.size)).arrayBuffer());
  const most = Math.min(wanted, entry.size);
  const out = new Uint8Array(most);
  let filled = 0;
  let over = false;
  const inflate = new Inflate((chunk) => {
    const room = most - filled;
    if (chunk.length > room) over = true;
    out.set(chunk.length > room ? chunk.subarray(0, room) : chunk, filled);
    filled += Math.min(room, chunk.length);
  });
  // small steps: what one step unpacks is bounded by what deflate can expand it to
  const step = Math.min(CHUNK, 64 << 10);
  for (let at = 0; at < blob.size && filled < most; at += step) {
    const bytes = new Uint8Array(await blob.slice(at, at + step).arrayBuffer());
    try {
      inflate.push(bytes, at + step >= blob.size);
    } catch {
      throw new ZipProblem("zipBroken");
    }
  }
  if (wanted >= entry.size && (over || filled !== entry.size)) throw new ZipProblem("zipBroken");
  return out.subarray(0, filled);
}

/** Raw deflate, up to `most` bytes of it unpacked; what comes after is left. */
export function inflated(bytes: Uint8Array, most: number): Uint8Array {
  const out = new Uint8Array(most);
  let filled = 0;
  const inflate = new Inflate((chunk) => {
    const part = chunk.subarray(0, most - filled);
    out.set(part, filled);
    filled += part.length;
  });
  for (let at = 0; at < bytes.length && filled < most; at += 4096) inflate.push(bytes.subarray(at, at + 4096), false);
  return out.subarray(0, filled);
}
