// Pictures that the server renders, a few dozen kept, the next ones asked for ahead.
import { rendered } from "../dicom/api.ts";

const KEPT = 60;

export class Pictures {
  #kept = new Map<string, string>();
  #asking = new Map<string, { promise: Promise<string>; abort: AbortController }>();
  #closed = false;

  at(url: string): string | undefined {
    const address = this.#kept.get(url);
    if (address === undefined) return undefined;
    // the last looked at is the last to go
    this.#kept.delete(url);
    this.#kept.set(url, address);
    return address;
  }

  load(url: string): Promise<string> {
    const here = this.at(url);
    if (here) return Promise.resolve(here);
    const under = this.#asking.get(url);
    if (under) return under.promise;
    const abort = new AbortController();
    const promise = rendered(url, abort.signal)
      .then((blob) => {
        if (this.#closed) throw new DOMException("closed", "AbortError");
        const address = URL.createObjectURL(blob);
        this.#kept.set(url, address);
        for (const [old, made] of this.#kept) {
          if (this.#kept.size <= KEPT) break;
          URL.revokeObjectURL(made);
          this.#kept.delete(old);
        }
        return address;
      })
      .finally(() => this.#asking.delete(url));
    this.#asking.set(url, { promise, abort });
    return promise;
  }

  /** Takes back all but these. */
  only(urls: readonly string[]) {
    for (const [url, { abort }] of this.#asking) if (!urls.includes(url)) abort.abort();
  }

  close() {
    this.#closed = true;
    this.only([]);
    for (const address of this.#kept.values()) URL.revokeObjectURL(address);
    this.#kept.clear();
  }
}
