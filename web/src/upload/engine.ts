// Sends what was found: a few requests at a time, each of a few megabytes; what fails for want of a network waits and goes on.
import { Problem } from "../api/http.ts";
import { queryClient } from "../app/queries.ts";
import { entryOutcomes } from "./fhirAnswer.ts";
import { type Picked, walk } from "./files.ts";
import { bytes, fhirPart, scan, Unreadable } from "./reader.ts";
import { problemOfSent, reachable, send } from "./request.ts";
import { known, multipart, outcomes } from "./stow.ts";
import { add, changed, type Group, type Item, settle, unsettle, upload } from "./store.ts";

const LANES = 3;
const BATCH_BYTES = 16 << 20;
const BATCH_ITEMS = 100;
const TRIES = 6;

let lanes = 0;
const moving = new Map<Group, Set<AbortController>>();
/** SOP Instance UIDs on their way: a second file of the same one waits, so that answers are told apart. */
const underway = new Set<string>();
let away: Promise<void> | null = null;

export async function addFiles(files: Picked[]) {
  await reading(async () => {
    for (let at = 0; at < files.length; at += 64) await look(files.slice(at, at + 64));
  });
}

export async function addEntries(entries: FileSystemEntry[], loose: File[]) {
  await reading(async () => {
    for await (const some of walk(entries)) await look(some);
    await look(loose.map((file) => ({ file, path: file.name })));
  });
}

async function reading(work: () => Promise<void>) {
  upload.reading.running += 1;
  changed();
  try {
    await work();
  } finally {
    upload.reading.running -= 1;
    changed();
    go();
  }
}

async function look(files: Picked[]) {
  if (files.length === 0) return;
  upload.reading.files += files.length;
  try {
    await scan(files, (found) => {
      for (const one of found) add(one);
      changed();
    });
  } catch {
    for (const { file, path } of files) add({ kind: "skipped", path, size: file.size, why: "unreadable" });
  }
  go();
}

/** Starts as many lanes as there is work for. */
export function go() {
  guardClosing();
  while (lanes < LANES && !upload.halted && waits()) {
    lanes += 1;
    void lane();
  }
}

function waits(): boolean {
  for (const group of upload.groups.values()) if (isOpen(group) && group.items.some(isReady)) return true;
  return false;
}

const isOpen = (group: Group) => group.state === "waiting" || group.state === "sending";
const isReady = (item: Item) => item.state === "waiting" && !(item.sop && underway.has(item.sop));

async function lane() {
  try {
    for (;;) {
      const batch = upload.halted && upload.halted !== "network" ? [] : take();
      const [first] = batch;
      if (!first) return;
      await deliver(first.group, batch);
    }
  } finally {
    lanes -= 1;
    changed();
  }
}

function take(): Item[] {
  for (const group of upload.groups.values()) {
    if (!isOpen(group)) continue;
    const batch: Item[] = [];
    let length = 0;
    const last = group.kind === "fhir" && !group.items.some((item) => !item.deferred && (item.state === "waiting" || item.state === "sending"));
    for (const item of group.items) {
      if (!isReady(item) || (item.deferred && !last)) continue;
      const single = item.kind === "fhir" || item.alone;
      if (batch.length > 0 && (single || length + item.size > BATCH_BYTES)) break;
      batch.push(item);
      length += item.size;
      item.state = "sending";
      if (item.sop) underway.add(item.sop);
      if (single || batch.length >= BATCH_ITEMS) break;
    }
    if (batch.length > 0) {
      group.state = "sending";
      return batch;
    }
  }
  return [];
}

async function deliver(group: Group, batch: Item[]) {
  const controller = new AbortController();
  const controllers = moving.get(group) ?? new Set();
  moving.set(group, controllers.add(controller));
  let counted = 0;
  const progress = (sent: number) => {
    group.movingBytes += sent - counted;
    counted = sent;
    changed();
  };
  try {
    const [first] = batch;
    if (first?.kind === "fhir") await deliverRecords(first, controller.signal, progress);
    else await deliverObjects(group, batch, controller.signal, progress);
  } catch (error) {
    giveUp(batch, error);
  } finally {
    progress(0);
    controllers.delete(controller);
    for (const item of batch) {
      if (item.state === "sending") item.state = "waiting";
      if (item.sop) underway.delete(item.sop);
    }
    finish(group);
  }
}

/** What could not be sent: again by itself where it was one of many, later where the session or the disk ended, never otherwise. */
function giveUp(batch: Item[], error: unknown) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (error instanceof Problem && (error.status === 401 || error.status === 507)) {
    upload.halted = error.status === 401 ? "signedOut" : "full";
    return;
  }
  const left = batch.filter((item) => item.state === "sending");
  if (left.length > 1) {
    for (const item of left) item.alone = true;
    return;
  }
  for (const item of left) {
    const mayRefer = item.kind === "fhir" && error instanceof Problem && !error.retry && error.status < 500;
    if (mayRefer && !item.deferred && item.group.items.length > 1) {
      item.deferred = true;
      item.state = "waiting";
    } else if (error instanceof Unreadable) settle(item, "refused", error.why);
    else if (error instanceof Problem) settle(item, "refused", error.retry ? "noAnswer" : error.status === 403 ? "0124" : error.status === 413 ? "tooLarge" : "server", error.message);
    else settle(item, "refused", "unreadable");
  }
}

function finish(group: Group) {
  if (group.state === "sending" || group.state === "waiting") {
    if (group.items.every((item) => item.state === "done" || item.state === "cancelled")) {
      group.state = "done";
      // what was shown before is old now
      void queryClient.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    } else if (!group.items.some((item) => item.state === "sending")) group.state = "waiting";
  }
  guardClosing();
  changed();
}

/** Does it until it succeeds or fails for a reason that time does not mend. */
async function persist<T>(signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || !(error instanceof Problem) || !error.retry) throw error;
      // without a network as long as it takes; a server that answers but cannot, a few times
      if (error.status !== 0 && tries >= TRIES) throw error;
      upload.halted ??= "network";
      changed();
      away ??= reachable().finally(() => {
        away = null;
        if (upload.halted === "network") upload.halted = null;
        changed();
        go();
      });
      await Promise.race([away, new Promise((_, reject) => signal.addEventListener("abort", () => reject(new DOMException("", "AbortError")), { once: true }))]);
    }
  }
}

async function deliverObjects(group: Group, batch: Item[], signal: AbortSignal, progress: (sent: number) => void) {
  const study = group.header?.study;
  // asked once, before the first of ours is sent: what is here then was here before
  group.known ??= study ? persist(new AbortController().signal, () => known(study)) : Promise.resolve(null);
  const here = await group.known;
  const parts: Blob[] = [];
  const sendable: Item[] = [];
  for (const item of batch) {
    try {
      if (item.source) parts.push(await bytes(item.source));
      if (item.source) sendable.push(item);
    } catch (error) {
      settle(item, "refused", error instanceof Unreadable ? error.why : "unreadable");
    }
  }
  if (sendable.length === 0) return;
  const { body, type } = multipart(parts);
  const sent = await persist(signal, async () => {
    progress(0);
    if (!(await isReadable(sendable, body))) throw new Unreadable("unreadable");
    for (const item of sendable) item.attempted = true;
    const answer = await send("/dicom-web/studies", body, { "Content-Type": type, Accept: "application/dicom+json" }, signal, progress);
    const told = outcomes(answer.text);
    if (!told) throw await problemOfSent(answer);
    return { status: answer.status, told };
  });
  if (sent.status === 507) throw new Problem(507, "full", "");
  assign(sendable, sent.told, here);
}

/** A file that was changed or taken away since it was picked makes the browser fail as if the network were away: tell the two apart. */
async function isReadable(items: Item[], body: Blob): Promise<boolean> {
  if (items.every((item) => item.attempted) || items.length === 1) {
    try {
      await Promise.all(items.map((item) => item.source?.file.slice(0, 1).arrayBuffer()));
    } catch {
      return false;
    }
  }
  return body.size > 0;
}

function assign(items: Item[], told: ReturnType<typeof outcomes> & object, here: Set<string> | null) {
  const named = new Map(told.filter((one) => one.sop).map((one) => [one.sop, one]));
  const nameless = told.filter((one) => !one.sop || !items.some((item) => item.sop === one.sop));
  for (const item of items) {
    const one = (item.sop && named.get(item.sop)) || nameless.shift();
    if (!one) settle(item, "refused", "noAnswer");
    else if (one.outcome === "stored") settle(item, here?.has(item.sop) ? "duplicate" : "stored");
    else settle(item, one.outcome, one.outcome === "refused" ? one.reason : undefined);
    // a second file of the same object is a duplicate of this one
    if (one?.outcome === "stored") here?.add(item.sop);
  }
}

async function deliverRecords(item: Item, signal: AbortSignal, progress: (sent: number) => void) {
  const words: string[] = [];
  while (item.source) {
    item.part ??= await fhirPart(item.source, item.lines, item.from);
    const { request, next, problem } = item.part;
    if (problem) {
      item.records.refused += 1;
      if (!request && next === null && item.from === 0) return settle(item, "refused", problem);
    }
    if (request) {
      const again = item.attempted;
      let tries = 0;
      const answer = await persist(signal, async () => {
        tries += 1;
        item.attempted = true;
        const sent = await send("/fhir", request.body, { "Content-Type": "application/fhir+json", Prefer: "return=minimal" }, signal, (loaded) =>
          progress(Math.min(item.size, item.from + loaded)),
        );
        if (sent.status === 412 || (sent.status >= 200 && sent.status < 300)) return sent;
        throw await problemOfSent(sent);
      });
      if (answer.status === 412) item.records[again || tries > 1 ? "stored" : "duplicate"] += request.entries;
      else {
        const told = entryOutcomes(answer.text, again || tries > 1);
        item.records.stored += told.stored;
        item.records.duplicate += told.duplicate;
        item.records.refused += told.refused;
        words.push(...told.words);
      }
      item.attempted = false;
    }
    item.part = null;
    if (next === null) break;
    item.from = next;
  }
  const { stored, duplicate, refused } = item.records;
  if (refused > 0) settle(item, "refused", stored + duplicate > 0 ? "someRecords" : "records", words.slice(0, 5).join(" · "));
  else settle(item, stored > 0 ? "stored" : "duplicate");
}

function abort(group: Group) {
  for (const controller of moving.get(group) ?? []) controller.abort();
}

export function pause(key: string) {
  const group = upload.groups.get(key);
  if (!group || !isOpen(group)) return;
  group.state = "paused";
  abort(group);
  changed();
}

export function resume(key: string) {
  const group = upload.groups.get(key);
  if (group?.state === "paused") group.state = "waiting";
  go();
  changed();
}

export function cancel(key: string) {
  const group = upload.groups.get(key);
  if (!group || group.state === "done") return;
  group.state = "cancelled";
  abort(group);
  for (const item of group.items) {
    if (item.state !== "done") item.state = "cancelled";
    item.source = null;
  }
  guardClosing();
  changed();
}

/** Tries again what was refused. */
export function retry(key: string) {
  const group = upload.groups.get(key);
  if (!group) return;
  for (const item of group.items) if (item.outcome === "refused") unsettle(item);
  group.state = "waiting";
  go();
  changed();
}

/** Goes on after a halt that somebody had to mend: signed in again, room made. */
export function goOn() {
  upload.halted = null;
  go();
  changed();
}

let guarded = false;
function warn(event: BeforeUnloadEvent) {
  event.preventDefault();
}

/** Closing the tab asks first while something is on its way. */
function guardClosing() {
  const wanted = upload.reading.running > 0 || [...upload.groups.values()].some((group) => isOpen(group) || group.state === "paused");
  if (wanted === guarded) return;
  guarded = wanted;
  if (wanted) window.addEventListener("beforeunload", warn);
  else window.removeEventListener("beforeunload", warn);
}
