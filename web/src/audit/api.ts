// The audit log, as any FHIR client reads it.
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { askJson } from "../api/http.ts";

/** What the address of the page holds. */
export interface AuditSearch {
  patient?: string;
  user?: string;
  action?: Action;
  outcome?: Outcome;
  /** A kind of thing, such as `Study`; with `id` exactly one. */
  kind?: string;
  id?: string;
  /** Days in the site's zone. */
  from?: string;
  to?: string;
}

export const ACTIONS = ["C", "R", "U", "D", "E"] as const;
export type Action = (typeof ACTIONS)[number];
export const OUTCOMES = ["0", "4", "8"] as const;
export type Outcome = (typeof OUTCOMES)[number];

interface Reference {
  reference?: string;
  identifier?: { system?: string; value?: string };
  display?: string;
}

export interface AuditEvent {
  resourceType: "AuditEvent";
  id: string;
  subtype?: { code?: string }[];
  action?: string;
  recorded: string;
  outcome?: string;
  purposeOfEvent?: { coding?: { code?: string }[] }[];
  agent: { role?: { text?: string }[]; who?: { identifier?: { value?: string } }; altId?: string; name?: string }[];
  source?: { site?: string; observer?: { display?: string } };
  entity?: { what?: Reference; type?: { code?: string }; role?: { code?: string }; name?: string; query?: string }[];
}

interface Bundle<T> {
  link?: { relation: string; url: string }[];
  entry?: { resource?: T }[];
}

/** Midnight of that day in the zone, as an instant: `2026-11-23` in Berlin is 2026-11-22T23:00:00Z. */
export function dayStart(day: string, zone: string): string {
  const utc = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(utc)) return day;
  let at = utc;
  // the offset at the guess; once more, for nights when the clocks change
  for (let round = 0; round < 2; round += 1) at = utc - offsetAt(at, zone);
  return new Date(at).toISOString();
}

function offsetAt(at: number, zone: string): number {
  try {
    const parts = new Intl.DateTimeFormat("en-CA", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    }).formatToParts(new Date(at));
    const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value ?? 0);
    return Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second")) - Math.floor(at / 1000) * 1000;
  } catch {
    return 0;
  }
}

function dayAfter(day: string): string {
  const at = new Date(`${day}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + 1);
  return at.toISOString().slice(0, 10);
}

/** The parameters of the search, for the page and for the file alike. */
export function parametersOf(search: AuditSearch, zone: string): URLSearchParams {
  const query = new URLSearchParams();
  if (search.patient) query.set("patient", search.patient);
  if (search.user) query.set("agent-name", search.user);
  if (search.action) query.set("action", search.action);
  if (search.outcome) query.set("outcome", search.outcome);
  if (search.kind && search.id) query.set("entity", `${search.kind}/${search.id}`);
  else if (search.kind) query.set("entity-type", search.kind);
  if (search.from) query.append("date", `ge${dayStart(search.from, zone)}`);
  if (search.to) query.append("date", `lt${dayStart(dayAfter(search.to), zone)}`);
  return query;
}

interface Page {
  events: AuditEvent[];
  next: string | null;
}

export const auditQuery = (search: AuditSearch, zone: string) => {
  const query = parametersOf(search, zone);
  query.set("_count", "50");
  const first = `/fhir/AuditEvent?${query.toString()}`;
  return infiniteQueryOptions({
    queryKey: ["audit", first],
    queryFn: async ({ pageParam, signal }): Promise<Page> => {
      const bundle = await askJson<Bundle<AuditEvent>>(pageParam, { signal, headers: { Accept: "application/fhir+json" } });
      const next = bundle.link?.find((link) => link.relation === "next")?.url;
      return {
        events: (bundle.entry ?? []).flatMap((entry) => (entry.resource?.resourceType === "AuditEvent" ? [entry.resource] : [])),
        next: next ? pathOf(next) : null,
      };
    },
    initialPageParam: first,
    getNextPageParam: (page) => page.next,
    // looking is in the log as well: it is not asked again by itself
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
};

/** A link of this server, whatever name it gave itself. */
function pathOf(url: string): string {
  const parsed = new URL(url, location.origin);
  return parsed.pathname + parsed.search;
}

interface PatientNames {
  id: string;
  name?: { text?: string; family?: string; given?: string[]; use?: string }[];
}

/** The names of these patients, for who may see them; one search, which is in the log. */
export const patientNamesQuery = (ids: readonly string[]) =>
  queryOptions({
    queryKey: ["audit-patients", ...ids],
    queryFn: async ({ signal }) => {
      const names = new Map<string, string>();
      const bundle = await askJson<Bundle<PatientNames>>(`/fhir/Patient?_id=${ids.map(encodeURIComponent).join(",")}&_elements=name&_count=${ids.length * 2}`, {
        signal,
        headers: { Accept: "application/fhir+json" },
      });
      for (const { resource } of bundle.entry ?? []) {
        const name = resource?.name?.[0];
        if (!resource || !name) continue;
        const words = name.text ?? [...(name.given ?? []), name.family ?? ""].join(" ").trim();
        // one id may be two members' patients: then the id alone is said
        names.set(resource.id, names.has(resource.id) ? "" : words);
      }
      return names;
    },
    staleTime: Number.POSITIVE_INFINITY,
  });
