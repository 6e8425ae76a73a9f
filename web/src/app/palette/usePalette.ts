// Answers as they come: what was typed goes out after a short pause, older questions are given up, groups keep their order.
import { useEffect, useMemo, useState } from "react";
import { type Entry, fits, type Kind, usePaletteActions, usePaletteMembers, usePaletteSources, useRecentEntries } from "./entries.ts";

/** Between the last key and the question: less than a tenth of what a reader notices. */
const PAUSE = 40;

/** What is known at once stands first. */
const ORDER: Kind[] = ["actions", "members", "patients", "studies"];

export interface Group {
  kind: Kind;
  entries: Entry[];
}

interface Answers {
  text: string;
  byKind: Partial<Record<Kind, Entry[]>>;
  left: number;
  failed: unknown;
}

const NONE: Answers = { text: "", byKind: {}, left: 0, failed: null };

export function usePalette(text: string, composing: boolean) {
  const actions = usePaletteActions();
  const members = usePaletteMembers();
  const sources = usePaletteSources();
  const recent = useRecentEntries();
  const [answers, setAnswers] = useState<Answers>(NONE);
  const asked = text.trim();

  useEffect(() => {
    if (composing) return;
    if (!asked) {
      setAnswers(NONE);
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      // what the last question found stays until this one is answered, if it still fits
      setAnswers((was) => ({ text: asked, byKind: was.byKind, left: sources.length, failed: null }));
      // a group waits for those above it: none is ever pushed down under somebody's hand
      let above: Promise<unknown> = Promise.resolve();
      for (const source of sources) {
        const found = source.find(asked, stop.signal);
        const inOrder = Promise.all([found, above]).then(([entries]) => entries);
        above = inOrder.catch(() => undefined);
        inOrder.then(
          (entries) => {
            if (stop.signal.aborted) return;
            setAnswers((was) => ({ ...was, byKind: { ...was.byKind, [source.kind]: entries }, left: was.left - 1 }));
          },
          (error: unknown) => {
            if (stop.signal.aborted) return;
            setAnswers((was) => ({ ...was, byKind: { ...was.byKind, [source.kind]: [] }, left: was.left - 1, failed: error }));
          },
        );
      }
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [asked, composing, sources]);

  const groups = useMemo((): Group[] => {
    if (!asked) {
      return [
        ...(recent.length ? [{ kind: "recent" as const, entries: recent }] : []),
        { kind: "actions", entries: actions.filter((action) => action.key.startsWith("action:/") || action.key === "action:new-patient") },
      ];
    }
    const found: Partial<Record<Kind, Entry[]>> = {
      ...answers.byKind,
      actions: actions.filter((action) => fits(`${action.label} ${action.detail}`, asked)).slice(0, 6),
      members: members(asked),
    };
    return ORDER.map((kind) => ({ kind, entries: found[kind] ?? [] })).filter((group) => group.entries.length > 0);
  }, [asked, answers, actions, members, recent]);

  const pending = asked !== "" && (answers.text !== asked || answers.left > 0);
  return { groups, pending, failed: answers.text === asked ? answers.failed : null };
}
