// Files from a drop or a picker, with the path below the folder that was given.

export interface Picked {
  file: File;
  path: string;
}

const FILES = 200_000;
const DEPTH = 64;

/** Must be called within the drop event: its items are gone afterwards. */
export function entriesOf(transfer: DataTransfer): { entries: FileSystemEntry[]; loose: File[] } {
  const entries: FileSystemEntry[] = [];
  const loose: File[] = [];
  for (const item of transfer.items) {
    if (item.kind !== "file") continue;
    const entry = item.webkitGetAsEntry();
    if (entry) entries.push(entry);
    else {
      const file = item.getAsFile();
      if (file) loose.push(file);
    }
  }
  return { entries, loose };
}

/** Walks dropped folders; gives files in portions so that reading begins at once. */
export async function* walk(entries: FileSystemEntry[]): AsyncGenerator<Picked[]> {
  const queue = entries.map((entry) => ({ entry, depth: 0 }));
  let count = 0;
  let some: Picked[] = [];
  while (queue.length > 0 && count < FILES) {
    const next = queue.pop();
    if (!next || next.depth > DEPTH) continue;
    if (isFile(next.entry)) {
      const file = await fileOf(next.entry);
      if (file) some.push({ file, path: next.entry.fullPath.replace(/^\//, "") });
      count += 1;
      if (some.length >= 64) {
        yield some;
        some = [];
      }
    } else if (isFolder(next.entry)) {
      for (const entry of (await children(next.entry)).sort(later)) queue.push({ entry, depth: next.depth + 1 });
    }
  }
  if (some.length > 0) yield some;
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

function fileOf(entry: FileSystemFileEntry): Promise<File | null> {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}

async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    // a reader gives a hundred at a time
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0 || all.length > FILES) return all;
    all.push(...some);
  }
}

export function picked(files: Iterable<File>): Picked[] {
  return Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** The last by name first: they are taken from the end. */
const later = (a: FileSystemEntry, b: FileSystemEntry) => (a.name < b.name ? 1 : a.name > b.name ? -1 : 0);
