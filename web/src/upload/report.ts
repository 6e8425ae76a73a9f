// What became of each file, for people and as a table to keep.
import { type Group, type Item, type Outcome, type SkippedFile, upload } from "./store.ts";
import type { Skipped } from "./types.ts";

export interface Line {
  id: string;
  path: string;
  size: number;
  outcome: Outcome | "skipped" | "cancelled";
  /** A key in `upload:reasons` or `upload:skipped`. */
  reason?: string;
  words?: string;
  item?: Item;
}

const SKIPPED_AS_REASON = new Set<string>([
  "unknown", "empty", "directory", "nestedZip", "zipBroken", "zipEncrypted", "zipMethod", "zipEntries", "zipTooLarge", "entryTooLarge", "jsonTooLarge", "jsonBroken", "notFhir", "unreadable",
] satisfies Skipped[]);

const REASONS = new Set(["A700", "A900", "0110", "0124", "C000", "noAnswer", "tooLarge", "server", "someRecords", "records"]);

/** The key of a reason's words. */
export function reasonKey(reason: string): string {
  if (SKIPPED_AS_REASON.has(reason)) return `skipped.${reason}`;
  return REASONS.has(reason) ? `reasons.${reason}` : "reasons.other";
}

function lineOf(item: Item): Line | null {
  if (item.state !== "done" || !item.outcome) return item.state === "cancelled" ? { id: String(item.id), path: item.path, size: item.size, outcome: "cancelled", item } : null;
  return { id: String(item.id), path: item.path, size: item.size, outcome: item.outcome, reason: item.reason, words: item.words, item };
}

const skippedLine = (file: SkippedFile, index: number): Line => ({ id: `s${index}`, path: file.path, size: file.size, outcome: "skipped", reason: file.why });

/** Lines of one outcome, or of all; a skipped file is one that was never sent. */
export function lines(outcome: Line["outcome"] | "all"): Line[] {
  const found: Line[] = [];
  for (const group of upload.groups.values())
    for (const item of group.items) {
      const line = lineOf(item);
      if (line && (outcome === "all" || line.outcome === outcome)) found.push(line);
    }
  if (outcome === "all" || outcome === "skipped") found.push(...upload.skipped.map(skippedLine));
  return found;
}

/** A cell that no spreadsheet takes for a formula. */
export function cell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function study(group: Group | undefined): string {
  return group?.header?.study ?? "";
}

/** RFC 4180 with a byte order mark, so that spreadsheets read UTF-8. */
export function csv(head: string[], all: Line[], say: (line: Line) => { outcome: string; reason: string }): Blob {
  const rows = all.map((line) => {
    const { outcome, reason } = say(line);
    return [line.path, String(line.size), study(line.item?.group), line.item?.sop ?? "", outcome, reason, line.words ?? ""];
  });
  const text = [head, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
  return new Blob(["\ufeff", text, "\r\n"], { type: "text/csv;charset=utf-8" });
}
