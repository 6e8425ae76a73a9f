// The tray: objects that contradict what is here, until somebody decides.
import { ask, askJson, sendJson } from "../api/http.ts";

export interface Conflict {
  id: string;
  reason: string;
  study: string;
  series: string;
  instance: string;
  /** As the object says. */
  patient_id: string;
  patient_name?: string;
  /** As the study says that is in its way. */
  current_patient_name?: string;
  description?: string;
  received: string;
}

export interface Difference {
  tag: string;
  keyword: string | null;
  incoming: string | null;
  current: string | null;
}

export type Choice = string;

export interface Details {
  conflict: Conflict;
  incoming: { attributes: Record<string, unknown> };
  current: { attributes: Record<string, unknown> } | null;
  differences: Difference[];
  choices: Choice[];
}

export type Which = "incoming" | "current";

const path = (id: string) => `/api/conflicts/${encodeURIComponent(id)}`;

export const conflictsQuery = {
  queryKey: ["conflicts"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await askJson<{ conflicts: Conflict[] }>("/api/conflicts", { signal })).conflicts,
} as const;

export const conflictQuery = (id: string) => ({
  queryKey: ["conflicts", id],
  queryFn: ({ signal }: { signal: AbortSignal }) => askJson<Details>(path(id), { signal }),
});

/** The picture of one of the two; null where it has none. */
export const pictureQuery = (id: string, which: Which) => ({
  queryKey: ["conflicts", id, "picture", which],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await ask(`${path(id)}/rendered?which=${which}`, { signal })).blob(),
  staleTime: 60_000,
  retry: false,
});

/** With `all`, the same for everything that waits in that study for that reason. */
export const decide = (id: string, decision: Choice, all: boolean) => sendJson<void>("POST", path(id), all ? { decision, all } : { decision });

const REASONS: Record<string, string> = {
  "the SOP Instance UID is here with other content": "instance",
  "the Series Instance UID is here in another study": "series",
  "the Study Instance UID is here for another patient": "patient",
};

/** The key of a reason in `tray:reasons`; null where the server's own words are all there is. */
export const reasonKey = (reason: string): string | null => REASONS[reason] ?? null;
