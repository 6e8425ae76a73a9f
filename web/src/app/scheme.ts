// Light, dark, reading-room or the system's: Mantine knows the first two, reading-room is dark with its own variables.
import type { MantineColorScheme, MantineColorSchemeManager } from "@mantine/core";
import { useSyncExternalStore } from "react";

export const SCHEMES = ["auto", "light", "dark", "reading"] as const;
export type Scheme = (typeof SCHEMES)[number];

const KEY = "lenticular.scheme";
const listeners = new Set<() => void>();
let current: Scheme = stored();

function stored(): Scheme {
  try {
    return parse(localStorage.getItem(KEY));
  } catch {
    return "auto";
  }
}

function parse(text: string | null): Scheme {
  return SCHEMES.find((scheme) => scheme === text) ?? "auto";
}

function forMantine(scheme: Scheme): MantineColorScheme {
  return scheme === "reading" ? "dark" : scheme;
}

function tell(scheme: Scheme) {
  current = scheme;
  document.documentElement.toggleAttribute("data-reading", scheme === "reading");
  for (const listener of listeners) listener();
}

export function setScheme(scheme: Scheme) {
  try {
    localStorage.setItem(KEY, scheme);
  } catch {
    // storage is closed: it holds for this page
  }
  tell(scheme);
}

export function useScheme(): Scheme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

let unsubscribe: (() => void) | undefined;

export const schemeManager: MantineColorSchemeManager = {
  get: () => forMantine(current),
  set: (value) => {
    if (value !== forMantine(current)) setScheme(value);
  },
  subscribe: (onUpdate) => {
    const listener = () => onUpdate(forMantine(current));
    const other = (event: StorageEvent) => {
      if (event.key === KEY) tell(parse(event.newValue));
    };
    listeners.add(listener);
    window.addEventListener("storage", other);
    unsubscribe = () => {
      listeners.delete(listener);
      window.removeEventListener("storage", other);
    };
  },
  unsubscribe: () => unsubscribe?.(),
  clear: () => setScheme("auto"),
};
