import { useSyncExternalStore } from "react";

/** Something that changes on its own, and says so. */
export class Changing {
  #listeners = new Set<() => void>();
  #version = 0;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly version = () => this.#version;

  protected changed() {
    this.#version += 1;
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Renders again whenever `what` changes. */
export function useChanging<T extends Changing>(what: T): T {
  useSyncExternalStore(what.subscribe, what.version);
  return what;
}

/** Renders again only when what is picked out of `what` changes: for what is large and beside the picture. */
export function useSelected<T extends Changing, V extends string | number | boolean | undefined>(what: T, select: (what: T) => V): V {
  return useSyncExternalStore(what.subscribe, () => select(what));
}
