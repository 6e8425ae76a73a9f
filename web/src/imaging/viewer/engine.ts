// Cornerstone, which comes after the first picture: half a second of script on an old PC that nobody waits for.
import type { Picture } from "../dicom/images.ts";
import type { Pixels } from "../dicom/pixels.ts";

export type Engine = typeof import("./cornerstone.ts");

/** Where pixels are kept, and for how many bytes of them there is room. */
export interface Shelf {
  readonly bytes: number;
  limit(bytes: number): void;
  has(id: string): boolean;
  put(picture: Picture, pixels: Pixels): void;
  remove(id: string): void;
}

/** Until Cornerstone's cache takes over: the first pictures, what is oldest goes first. */
export class PlainShelf implements Shelf {
  #kept = new Map<string, number>();
  #most = Infinity;
  bytes = 0;

  limit(bytes: number) {
    this.#most = bytes;
    this.#thin(0);
  }

  has(id: string): boolean {
    return this.#kept.has(id);
  }

  put({ id }: Picture, { bytes }: Pixels) {
    this.remove(id);
    this.#thin(bytes);
    this.#kept.set(id, bytes);
    this.bytes += bytes;
  }

  remove(id: string) {
    this.bytes -= this.#kept.get(id) ?? 0;
    this.#kept.delete(id);
  }

  #thin(room: number) {
    for (const id of this.#kept.keys()) {
      if (this.bytes + room <= this.#most) return;
      this.remove(id);
    }
  }
}

let engine: Engine | undefined;
let coming: Promise<Engine> | undefined;
const waiting = new Set<(engine: Engine) => void>();

export const engineNow = () => engine;

/** Calls back once, at once where it is there. The answer takes it back. */
export function withEngine(then: (engine: Engine) => void): () => void {
  if (engine) then(engine);
  else waiting.add(then);
  return () => waiting.delete(then);
}

/** Asks for it when the browser has nothing better to do; without a network it is asked for again with the next picture. */
export function bringEngine() {
  coming ??= new Promise<void>((idle) => ("requestIdleCallback" in window ? requestIdleCallback(() => idle(), { timeout: 3000 }) : setTimeout(idle, 500)))
    .then(() => import("./cornerstone.ts"))
    .then((module) => {
      engine = module;
      for (const then of waiting) then(module);
      waiting.clear();
      return module;
    });
  coming.catch(() => (coming = undefined));
}
