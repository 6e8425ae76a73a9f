// FHIR, asked as any client would ask it.
import { ask } from "../api/http.ts";
import type { Bundle, Patient, Resource } from "./fhir/types.ts";

/** Parses JSON; a number that would print in another way than it was written stays text, so that `7.40` is not shown as `7.4`. */
export function parseFhir<T>(text: string): T {
  return JSON.parse(text, ((_key: string, value: unknown, context?: { source?: string }) =>
    typeof value === "number" && context?.source !== undefined && context.source !== String(value) ? context.source : value) as (
    key: string,
    value: unknown,
  ) => unknown) as T;
}

/** The stored text of a resource, and it parsed. */
export async function askFhirText(path: string, signal?: AbortSignal): Promise<string> {
  const response = await ask(`/fhir/${path}`, { signal, headers: { Accept: "application/fhir+json" } });
  return response.text();
}

export async function askFhir<T>(path: string, signal?: AbortSignal): Promise<T> {
  return parseFhir<T>(await askFhirText(path, signal));
}

/** The path of a page's `next` link below `/fhir/`, whatever host the server calls itself by. */
export function nextOf(bundle: Bundle): string | null {
  const url = bundle.link?.find((link) => link.relation === "next")?.url;
  if (!url) return null;
  const parsed = new URL(url, location.origin);
  const at = parsed.pathname.indexOf("/fhir/");
  return at < 0 ? null : parsed.pathname.slice(at + "/fhir/".length) + parsed.search;
}

export function matches<R extends Resource>(bundle: Bundle): R[] {
  return (bundle.entry ?? []).filter((entry) => entry.resource && entry.search?.mode !== "include" && entry.search?.mode !== "outcome").map((entry) => entry.resource as R);
}

export function included<R extends Resource>(bundle: Bundle, type: string): R[] {
  return (bundle.entry ?? []).filter((entry) => entry.search?.mode === "include" && entry.resource?.resourceType === type).map((entry) => entry.resource as R);
}

export function query(parameters: Record<string, string | string[] | number | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters))
    for (const one of Array.isArray(value) ? value : [value]) if (one !== undefined && one !== "") search.append(name, String(one));
  return search.toString();
}

export const keys = {
  patient: (id: string) => ["fhir", "Patient", id] as const,
  search: (type: string, parameters: string) => ["fhir", type, "search", parameters] as const,
  resource: (type: string, id: string) => ["fhir", type, id, "text"] as const,
  history: (type: string, id: string) => ["fhir", type, id, "history"] as const,
};

export const patientQuery = (id: string) => ({
  queryKey: keys.patient(id),
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const response = await ask(`/fhir/Patient/${encodeURIComponent(id)}`, { signal, headers: { Accept: "application/fhir+json" } });
    // the member whose row it is, where that is another one
    return { patient: parseFhir<Patient>(await response.text()), owner: response.headers.get("lenticular-owner") };
  },
});

/** One page of a search. */
export const searchQuery = <R extends Resource>(type: string, parameters: string) => ({
  queryKey: keys.search(type, parameters),
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const bundle = await askFhir<Bundle>(`${type}?${parameters}`, signal);
    return { resources: matches<R>(bundle), next: nextOf(bundle), total: bundle.total, bundle };
  },
});

/** What somebody typed to find a patient, as search parameters: a date is the birth date, what holds a digit the record number, all else names. */
export function patientSearch(text: string): { name: string[]; contains: string[]; identifier?: string; birthdate?: string } {
  const found: ReturnType<typeof patientSearch> = { name: [], contains: [] };
  for (const word of text.normalize("NFC").replace(/(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日?/u, "$1-$2-$3").split(/[\s,;，、；]+/u)) {
    if (!word) continue;
    const date = birthDate(word);
    if (date && !found.birthdate) found.birthdate = date;
    else if (/\d/.test(word)) found.identifier = word;
    else if (/\p{Script=Han}/u.test(word)) found.contains.push(word);
    else found.name.push(word);
  }
  return found;
}

export function patientParameters(text: string): Record<string, string | string[] | undefined> {
  const { name, contains, identifier, birthdate } = patientSearch(text);
  const comma = (value: string) => value.replace(/[\\,$|]/g, "\\$&");
  return { name: name.map(comma), "name:contains": contains.map(comma), identifier: identifier && comma(identifier), birthdate };
}

/** `1954-03-17`, `17.3.1954`, `17/03/1954`, `19540317`, `1954-03` or a year of the last 130; undefined for anything else. */
export function birthDate(word: string, now = new Date()): string | undefined {
  const iso = /^(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?$/.exec(word);
  const packed = /^(\d{4})(\d{2})(\d{2})$/.exec(word);
  const european = /^(\d{1,2})[./](\d{1,2})[./](\d{4})$/.exec(word);
  const [y, m, d] = european ? [european[3], european[2], european[1]] : [(iso ?? packed)?.[1], (iso ?? packed)?.[2], (iso ?? packed)?.[3]];
  const year = Number(y);
  if (!y || year > now.getFullYear() || year < now.getFullYear() - 130) return undefined;
  if (m && (Number(m) < 1 || Number(m) > 12)) return undefined;
  if (d && (Number(d) < 1 || Number(d) > 31)) return undefined;
  return [y, m?.padStart(2, "0"), d?.padStart(2, "0")].filter(Boolean).join("-");
}
