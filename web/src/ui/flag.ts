import { useSyncExternalStore } from "react";

/** Something that is so from some moment on; components that ask are told. */
export interface Flag {
  raise(): void;
  use(): boolean;
}

export function makeFlag(): Flag {
  let raised = false;
  const listeners = new Set<() => void>();
  const subscribe = (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  return {
    raise() {
      if (raised) return;
      raised = true;
      for (const listener of listeners) listener();
    },
    use: () => useSyncExternalStore(subscribe, () => raised),
  };
}
