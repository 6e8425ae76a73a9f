// What is being uploaded: one state for the whole app, so that it goes on while one walks about. Components read snapshots of it.
import { anyUpload } from "./activity.ts";
import { useSyncExternalStore } from "react";
import type { DicomHeader, FhirPart, Found, Skipped, Source } from "./types.ts";

export type Outcome = "stored" | "duplicate" | "conflict" | "refused";
export type Counts = Record<Outcome, number>;

export interface Item {
  id: number;
  group: Group;
  path: string;
  size: number;
  kind: "dicom" | "fhir";
  /** Let go of when it is not needed any more. */
  source: Source | null;
  sop: string;
  lines: boolean;
  state: "waiting" | "sending" | "done" | "cancelled";
  outcome?: Outcome;
  /** A key in `upload:reasons`. */
  reason?: string;
  /** The server's own words. */
  words?: string;
  /** A try of ours may have got through. */
  attempted: boolean;
  /** Refused once: it may refer to what another file brings, and is tried again behind all others. */
  deferred: boolean;
  /** To be sent in a request of its own. */
  alone: boolean;
  /** Of a FHIR file: where the next part begins, the part that is not delivered yet, and what became of its records. */
  from: number;
  part: FhirPart | null;
  records: Counts;
}

export type GroupState = "waiting" | "sending" | "paused" | "cancelled" | "done";

export interface Group {
  key: string;
  kind: "study" | "fhir" | "loose";
  header: DicomHeader | null;
  series: Set<string>;
  items: Item[];
  bytes: number;
  doneBytes: number;
  /** Of requests on their way. */
  movingBytes: number;
  done: number;
  counts: Counts;
  records: Counts;
  state: GroupState;
  /** Objects that were here before the first was sent; null where that cannot be known. */
  known?: Promise<Set<string> | null>;
}

export interface GroupView {
  key: string;
  kind: Group["kind"];
  header: DicomHeader | null;
  series: number;
  files: number;
  done: number;
  bytes: number;
  sent: number;
  counts: Counts;
  records: Counts;
  state: GroupState;
}

export interface Snapshot {
  groups: GroupView[];
  /** Files that are being looked into, and those that were. */
  reading: { running: boolean; files: number };
  skipped: number;
  /** What all of it waits for. */
  halted: "network" | "signedOut" | "full" | null;
  running: boolean;
  files: number;
  done: number;
  bytes: number;
  sent: number;
  counts: Counts;
  /** Bytes in a second over the last seconds, and seconds that are left; 0 and null where nothing moves. */
  speed: number;
  left: number | null;
}

export interface SkippedFile {
  path: string;
  size: number;
  why: Skipped;
}

const none = (): Counts => ({ stored: 0, duplicate: 0, conflict: 0, refused: 0 });

export const upload = {
  groups: new Map<string, Group>(),
  skipped: [] as SkippedFile[],
  reading: { running: 0, files: 0 },
  halted: null as Snapshot["halted"],
};

let lastItem = 0;
const listeners = new Set<() => void>();
const samples: { at: number; sent: number }[] = [];
let snapshot: Snapshot = look();
let planned: ReturnType<typeof setTimeout> | undefined;

function sum(counts: Counts[]): Counts {
  const total = none();
  for (const one of counts) for (const name of Object.keys(total) as Outcome[]) total[name] += one[name];
  return total;
}

function look(): Snapshot {
  const groups = [...upload.groups.values()].map(
    (group): GroupView => ({
      key: group.key,
      kind: group.kind,
      header: group.header,
      series: group.series.size,
      files: group.items.length,
      done: group.done,
      bytes: group.bytes,
      sent: Math.min(group.bytes, group.doneBytes + group.movingBytes),
      counts: { ...group.counts },
      records: { ...group.records },
      state: group.state,
    }),
  );
  const live = groups.filter((group) => group.state !== "cancelled");
  const total = (pick: (group: GroupView) => number) => live.reduce((all, group) => all + pick(group), 0);
  const sent = total((group) => group.sent);
  const bytes = total((group) => group.bytes);
  const running = upload.reading.running > 0 || groups.some((group) => group.state === "waiting" || group.state === "sending");
  const now = Date.now();
  samples.push({ at: now, sent });
  while (samples.length > 2 && now - (samples[0]?.at ?? now) > 6_000) samples.shift();
  const [first] = samples;
  const seconds = first ? (now - first.at) / 1000 : 0;
  const speed = first && seconds > 0.4 && !upload.halted ? Math.max(0, (sent - first.sent) / seconds) : 0;
  return {
    groups,
    reading: { running: upload.reading.running > 0, files: upload.reading.files },
    skipped: upload.skipped.length,
    halted: upload.halted,
    running,
    files: total((group) => group.files),
    done: total((group) => group.done),
    bytes,
    sent,
    counts: sum(groups.map((group) => group.counts)),
    speed,
    left: running && speed > 0 ? (bytes - sent) / speed : null,
  };
}

/** Tells what shows the state that it changed; at most five times a second, however much happens. */
export function changed() {
  planned ??= setTimeout(() => {
    planned = undefined;
    snapshot = look();
    for (const listener of listeners) listener();
    // speed and what is left move on although nothing else does
    if (snapshot.running) changed();
  }, 200);
}

function subscribe(listener: () => void) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useUpload(): Snapshot {
  return useSyncExternalStore(subscribe, () => snapshot);
}

function groupFor(found: Exclude<Found, { kind: "skipped" }>): Group {
  const study = found.kind === "dicom" ? (found.header?.study ?? "") : "";
  const key = found.kind === "fhir" ? "fhir" : study ? `study ${study}` : "loose";
  let group = upload.groups.get(key);
  if (!group) {
    group = {
      key,
      kind: found.kind === "fhir" ? "fhir" : study ? "study" : "loose",
      header: found.kind === "dicom" ? found.header : null,
      series: new Set(),
      items: [],
      bytes: 0,
      doneBytes: 0,
      movingBytes: 0,
      done: 0,
      counts: none(),
      records: none(),
      state: "waiting",
    };
    upload.groups.set(key, group);
  }
  return group;
}

export function add(found: Found) {
  anyUpload.raise();
  if (found.kind === "skipped") {
    upload.skipped.push(found);
    return;
  }
  const group = groupFor(found);
  lastItem += 1;
  const header = found.kind === "dicom" ? found.header : null;
  if (header) group.series.add(header.series);
  group.items.push({
    id: lastItem,
    group,
    path: found.path,
    size: found.size,
    kind: found.kind,
    source: found.source,
    sop: header?.sop ?? "",
    lines: found.kind === "fhir" && found.lines,
    state: "waiting",
    attempted: false,
    deferred: false,
    alone: false,
    from: 0,
    part: null,
    records: none(),
  });
  group.bytes += found.size;
  if (group.state === "done" || group.state === "cancelled") group.state = "waiting";
}

/** Says what became of an item, once. */
export function settle(item: Item, outcome: Outcome, reason?: string, words?: string) {
  const { group } = item;
  item.state = "done";
  item.outcome = outcome;
  item.reason = reason;
  item.words = words;
  item.part = null;
  // what was refused can be tried again
  if (outcome !== "refused") item.source = null;
  group.done += 1;
  group.doneBytes += item.size;
  group.counts[outcome] += 1;
  if (item.kind === "fhir") for (const name of Object.keys(item.records) as Outcome[]) group.records[name] += item.records[name];
  changed();
}

/** Takes back what became of an item, to try it again. */
export function unsettle(item: Item) {
  const { group } = item;
  if (item.state !== "done" || !item.outcome || !item.source) return;
  group.done -= 1;
  group.doneBytes -= item.size;
  group.counts[item.outcome] -= 1;
  for (const name of Object.keys(item.records) as Outcome[]) group.records[name] -= item.records[name];
  Object.assign(item, { state: "waiting", outcome: undefined, reason: undefined, words: undefined, from: 0, part: null, records: none(), alone: true });
}

/** Forgets everything that is not on its way. */
export function forget() {
  for (const [key, group] of upload.groups) if (group.state === "done" || group.state === "cancelled") upload.groups.delete(key);
  upload.skipped = [];
  upload.reading.files = 0;
  samples.length = 0;
  changed();
}
