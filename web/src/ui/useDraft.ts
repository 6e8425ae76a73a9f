import { useEffect, useRef, useState } from "react";

/** What somebody types, handed on when they pause, and never while an input method composes. */
export function useDraft(value: string, commit: (value: string) => void, wait = 250) {
  const [draft, setDraft] = useState(value);
  const composing = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const handed = useRef(value);
  const latest = useRef(commit);
  latest.current = commit;
  useEffect(() => {
    if (value !== handed.current) setDraft(value);
    handed.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const later = (next: string, delay: number) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      handed.current = next;
      latest.current(next);
    }, delay);
  };
  return {
    value: draft,
    onChange: (event: { currentTarget: { value: string } }) => {
      const next = event.currentTarget.value;
      setDraft(next);
      if (!composing.current) later(next, wait);
    },
    onCompositionStart: () => {
      composing.current = true;
    },
    onCompositionEnd: (event: { currentTarget: { value: string } }) => {
      composing.current = false;
      later(event.currentTarget.value, wait);
    },
  };
}
