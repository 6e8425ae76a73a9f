// The tray: objects that contradict what is here, until somebody decides.
import { api, type Schemas } from "../api/app.ts";
import { ask } from "../api/http.ts";

export type Conflict = Schemas["Conflict"];
export type Difference = Schemas["Difference"];
export type Choice = Schemas["Verdict"];
export type Details = Schemas["ConflictDetails"];

export type Which = "incoming" | "current";

const path = (id: string) => `/api/conflicts/${encodeURIComponent(id)}`;

export const conflictsQuery = {
  queryKey: ["conflicts"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await api("get", "/api/conflicts", { signal })).conflicts,
} as const;

export const conflictQuery = (id: string) => ({
  queryKey: ["conflicts", id],
  queryFn: ({ signal }: { signal: AbortSignal }) => api("get", "/api/conflicts/{id}", { path: { id }, signal }),
});

/** The picture of one of the two; null where it has none. */
export const pictureQuery = (id: string, which: Which) => ({
  queryKey: ["conflicts", id, "picture", which],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await ask(`${path(id)}/rendered?which=${which}`, { signal })).blob(),
  staleTime: 60_000,
  retry: false,
});

/** With `all`, the same for everything that waits in that study for that reason. */
export const decide = (id: string, decision: Choice, all: boolean) => api("post", "/api/conflicts/{id}", { path: { id }, body: all ? { decision, all } : { decision } });

const REASONS: Record<string, string> = {
  "the SOP Instance UID is here with other content": "instance",
  "the Series Instance UID is here in another study": "series",
  "the Study Instance UID is here for another patient": "patient",
};

/** The key of a reason in `tray:reasons`; null where the server's own words are all there is. */
export const reasonKey = (reason: string): string | null => REASONS[reason] ?? null;
