// The page's end of the worker.
import type { FhirPart, Found, FromWorker, Skipped, Source, ToWorker } from "./types.ts";

type Listener = (message: FromWorker) => void;
type Question = ToWorker extends infer T ? (T extends { id: number } ? Omit<T, "id"> : never) : never;

export class Unreadable extends Error {
  constructor(readonly why: Skipped) {
    super(why);
  }
}

let worker: Worker | null = null;
let last = 0;
const waiting = new Map<number, Listener>();

function ask(question: Question, listener: Listener) {
  if (!worker) {
    worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => waiting.get(data.id)?.(data);
    worker.onerror = () => {
      const all = [...waiting];
      waiting.clear();
      worker?.terminate();
      worker = null;
      for (const [id, tell] of all) tell({ id, failed: "unreadable" });
    };
  }
  last += 1;
  waiting.set(last, listener);
  worker.postMessage({ ...question, id: last });
}

/** Looks into files; `found` is called as they are recognised. */
export function scan(files: { file: File; path: string }[], found: (some: Found[]) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    ask({ ask: "scan", files }, (message) => {
      if ("found" in message) return found(message.found);
      waiting.delete(message.id);
      if ("failed" in message) reject(new Unreadable(message.failed));
      else resolve();
    });
  });
}

function once<T>(question: Question, pick: (message: FromWorker) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    ask(question, (message) => {
      waiting.delete(message.id);
      const answer = pick(message);
      if (answer !== undefined) resolve(answer);
      else reject(new Unreadable("failed" in message ? message.failed : "unreadable"));
    });
  });
}

/** The bytes of a source to send: a file on disk is handed over as it is and read by the browser while it is sent. */
export function bytes(source: Source): Promise<Blob> {
  if (!source.entry) return Promise.resolve(source.file);
  return once({ ask: "bytes", source }, (message) => ("bytes" in message ? message.bytes : undefined));
}

export function fhirPart(source: Source, lines: boolean, from: number): Promise<FhirPart> {
  return once({ ask: "fhir", source, lines, from }, (message) => ("part" in message ? message.part : undefined));
}
