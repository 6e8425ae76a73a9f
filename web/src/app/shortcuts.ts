// Keys that do something anywhere: silent while somebody types, or while an input method composes.
import { useEffect, useRef } from "react";

/** A chord such as `mod+k`, `?`, `shift+r`, `ArrowLeft`; letters are what was typed, so they follow the keyboard's layout. */
export type Chord = string;

export function typing(event: KeyboardEvent): boolean {
  if (event.isComposing || event.keyCode === 229) return true;
  const target = event.target;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || target.getAttribute("role") === "textbox")
  );
}

export function chordOf(event: KeyboardEvent): Chord {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shifted = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key));
  return [event.ctrlKey || event.metaKey ? "mod+" : "", event.altKey ? "alt+" : "", shifted ? "shift+" : "", key].join("");
}

/** `mod+…` chords work in inputs too; others are silent there. A dialog that is open keeps the keys to itself unless `inDialogs`. */
export function useShortcuts(shortcuts: Record<Chord, (event: KeyboardEvent) => void>, options: { enabled?: boolean; inDialogs?: boolean } = {}) {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const { enabled = true, inDialogs = false } = options;
  useEffect(() => {
    if (!enabled) return;
    const listen = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
      const chord = chordOf(event);
      const act = latest.current[chord];
      if (!act || (typing(event) && !chord.startsWith("mod+"))) return;
      if (!inDialogs && document.querySelector('[role="dialog"][aria-modal="true"]')) return;
      event.preventDefault();
      act(event);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [enabled, inDialogs]);
}
