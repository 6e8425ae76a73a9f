// Where frames come from, and where they are kept: Cornerstone's image cache once it is there, bounded, and requests that can be taken back.
import { Problem } from "../../api/http.ts";
import { frameBytes, framePicture } from "../dicom/api.ts";
import type { Picture } from "../dicom/images.ts";
import { Broken, type Pixels, colourOf, samplesOf } from "../dicom/pixels.ts";
import { PlainShelf, type Shelf, withEngine } from "./engine.ts";

interface Loading {
  promise: Promise<Pixels>;
  abort: AbortController;
}

const LEAST = 16 << 20;

/** Whether it is the picture's own fault: asking again does not help, and the others are not concerned. */
export const isBroken = (error: unknown) => error instanceof Broken || (error instanceof Problem && [400, 406, 415, 422, 500].includes(error.status));

/** Makes pixels that no server has: slices of a volume. */
export type Maker = (picture: Picture) => Pixels;

export class Library {
  #loading = new Map<string, Loading>();
  #makers = new Map<string, Maker>();
  #pixels = new Map<string, { picture: Picture; pixels: Pixels }>();
  #shelf: Shelf = new PlainShelf();
  /** Bytes that volumes hold; they count like frames. */
  #reserved = 0;
  #closed = false;
  onFailure: (study: string, problem: Problem) => void = () => undefined;
  onReached: () => void = () => undefined;

  /** What the server or we could not decode: not asked for ahead again, only by hand. */
  readonly broken = new Set<string>();
  #forgetEngine: () => void;

  constructor(readonly limit: number) {
    this.#shelf.limit(limit);
    this.#forgetEngine = withEngine(({ shelf }) => {
      const before = this.#shelf;
      this.#shelf = shelf;
      shelf.limit(this.#room);
      for (const [id, { picture, pixels }] of this.#pixels) if (before.has(id)) shelf.put(picture, pixels);
    });
  }

  get held(): number {
    return this.#shelf.bytes + this.#reserved;
  }

  get #room() {
    return Math.max(this.limit - this.#reserved, LEAST);
  }

  /** Takes room for a volume. What is kept stays until `thin` is called, for the volume is filled from it. */
  reserve(bytes: number) {
    this.#reserved += bytes;
    this.#shelf.limit(this.#room);
  }

  /** Lets go of a picture where there is more than there is room for. */
  thin(picture: Picture) {
    if (this.#shelf.bytes > this.#room) this.#drop(picture.id);
  }

  #drop(id: string) {
    this.#shelf.remove(id);
    this.#pixels.delete(id);
  }

  makes(scheme: string, maker: Maker | undefined) {
    if (maker) this.#makers.set(scheme, maker);
    else this.#makers.delete(scheme);
  }

  /** Whether it is made here, when it is looked at: asking ahead would only keep the processor from drawing. */
  isMade(picture: Picture): boolean {
    return this.#makers.has(picture.id.split(":", 1)[0] ?? "");
  }

  has(picture: Picture): boolean {
    return this.#pixels.has(picture.id) && this.#shelf.has(picture.id);
  }

  pixels(picture: Picture): Pixels | undefined {
    return this.has(picture) ? this.#pixels.get(picture.id)?.pixels : undefined;
  }

  /** Into the cache; at once where it is there. Volumes pass `keep: false`: they hold the values themselves. */
  load(picture: Picture, keep = true): Promise<Pixels> {
    const here = this.pixels(picture);
    if (here) return Promise.resolve(here);
    const under = this.#loading.get(picture.id);
    if (under) return under.promise;
    const maker = this.#makers.get(picture.id.split(":", 1)[0] ?? "");
    const abort = new AbortController();
    const promise = (maker ? Promise.resolve().then(() => maker(picture)) : this.#fetch(picture, abort.signal))
      .then((pixels) => {
        if (this.#closed || abort.signal.aborted) throw new DOMException("taken back", "AbortError");
        if (keep) this.#keep(picture, pixels);
        return pixels;
      })
      .finally(() => this.#loading.delete(picture.id));
    this.#loading.set(picture.id, { promise, abort });
    return promise;
  }

  async #fetch(picture: Picture, signal: AbortSignal): Promise<Pixels> {
    const { study, series, instance, frame } = picture;
    try {
      const pixels =
        picture.content === "colour"
          ? await colourOf(picture, await framePicture(study, series, instance, frame, signal))
          : samplesOf(picture, await frameBytes(study, series, instance, frame, signal));
      this.onReached();
      return pixels;
    } catch (error) {
      if (error instanceof Problem) this.onFailure(study, error);
      if (isBroken(error)) this.broken.add(picture.id);
      throw error;
    }
  }

  #keep(picture: Picture, pixels: Pixels) {
    this.#shelf.put(picture, pixels);
    this.#pixels.set(picture.id, { picture, pixels });
    // what the cache let go of is let go of here too
    for (const id of this.#shelf.bytes > this.#room * 0.9 || this.#pixels.size % 32 === 0 ? this.#pixels.keys() : []) if (!this.#shelf.has(id)) this.#pixels.delete(id);
  }

  /** Takes back the requests for which nobody waits any more. */
  cancel(unless: (id: string) => boolean = () => false) {
    for (const [id, { abort }] of this.#loading) if (!unless(id)) abort.abort();
  }

  /** Forgets the pixels of a study, or of all. */
  purge(study?: string) {
    this.cancel((id) => study !== undefined && !id.includes(`:${study}/`));
    for (const id of [...this.#pixels.keys()]) {
      if (study === undefined || id.includes(`:${study}/`)) this.#drop(id);
    }
  }

  forget(scheme: string) {
    for (const id of [...this.#pixels.keys()]) {
      if (id.startsWith(`${scheme}:`)) this.#drop(id);
    }
  }

  close() {
    this.#forgetEngine();
    this.purge();
    this.#closed = true;
  }
}

/** Loads what will be looked at next, a few at a time: ahead in the direction of reading, and a little behind. */
export class Prefetch {
  #order: Picture[] = [];
  #busy = 0;

  constructor(
    readonly library: Library,
    readonly atOnce = 3,
  ) {}

  stop() {
    this.#order = [];
  }

  go(pictures: readonly Picture[], at: number, direction: 1 | -1) {
    this.stop();
    const [first] = pictures;
    if (!first || this.library.isMade(first)) return;
    const each = Math.max(1, bytesOf(pictures[at]));
    const room = Math.max(8, Math.floor((this.library.limit * 0.6) / each));
    this.#order = around(at, pictures.length, direction, room).map((index) => pictures[index]!);
    while (this.#busy < this.atOnce && this.#order.length > 0) {
      this.#busy += 1;
      void this.#work().finally(() => (this.#busy -= 1));
    }
  }

  /** Until nothing is left of the order of the day; a newer one is taken up where it is. */
  async #work(): Promise<void> {
    for (let picture = this.#order.shift(); picture; picture = this.#order.shift()) {
      if (this.library.has(picture) || this.library.broken.has(picture.id)) continue;
      try {
        await this.library.load(picture);
      } catch {
        // who looks at it will be told; the next may do, but not without a network
        if (!navigator.onLine) this.stop();
      }
    }
  }
}

const bytesOf = (picture: Picture | undefined) =>
  picture ? picture.rows * picture.columns * (picture.content === "colour" ? 4 : picture.bitsAllocated / 8) : 1;

/** Three ahead for each one behind, the nearest first. */
export function around(at: number, count: number, direction: 1 | -1, room: number): number[] {
  const order: number[] = [];
  const ok = (index: number) => index >= 0 && index < count;
  for (let ahead = 1, behind = 1; order.length < room && (ok(at + direction * ahead) || ok(at - direction * behind)); ) {
    for (let step = 0; step < 3; step++, ahead++) if (ok(at + direction * ahead)) order.push(at + direction * ahead);
    if (ok(at - direction * behind)) order.push(at - direction * behind);
    behind += 1;
  }
  return order.slice(0, room);
}
