// Records and images of one patient in one order, newest first: each type is a sorted search of its own, and the searches are merged page by page.
import { askFhir, matches, nextOf, query } from "../api.ts";
import { whenOf } from "../fhir/read.ts";
import type { Bundle, Resource } from "../fhir/types.ts";
import type { PatientSearch, Subject } from "../search.ts";

interface Source {
  type: string;
  subject: Subject;
  /** The search parameter that orders it. */
  date: string;
}

const SOURCES: Source[] = [
  { type: "ImagingStudy", subject: "images", date: "started" },
  { type: "Observation", subject: "results", date: "date" },
  { type: "DiagnosticReport", subject: "results", date: "date" },
  { type: "Condition", subject: "conditions", date: "recorded-date" },
  { type: "AllergyIntolerance", subject: "conditions", date: "date" },
  { type: "FamilyMemberHistory", subject: "conditions", date: "date" },
  { type: "MedicationRequest", subject: "medication", date: "authoredon" },
  { type: "MedicationDispense", subject: "medication", date: "whenhandedover" },
  { type: "MedicationAdministration", subject: "medication", date: "effective-time" },
  { type: "MedicationStatement", subject: "medication", date: "effective" },
  { type: "Immunization", subject: "medication", date: "date" },
  { type: "Encounter", subject: "visits", date: "date" },
  { type: "Appointment", subject: "visits", date: "date" },
  { type: "Procedure", subject: "procedures", date: "date" },
  { type: "ServiceRequest", subject: "procedures", date: "authored" },
  { type: "DocumentReference", subject: "documents", date: "date" },
  { type: "Composition", subject: "documents", date: "date" },
  { type: "QuestionnaireResponse", subject: "documents", date: "authored" },
  { type: "Consent", subject: "documents", date: "date" },
  { type: "CarePlan", subject: "other", date: "date" },
  { type: "ClinicalImpression", subject: "other", date: "date" },
  { type: "Communication", subject: "other", date: "sent" },
  { type: "Goal", subject: "other", date: "start-date" },
  { type: "Flag", subject: "other", date: "date" },
];

export function subjectOf(type: string): Subject {
  return SOURCES.find((source) => source.type === type)?.subject ?? "other";
}

/** How far one of the searches has been read. */
interface Stream {
  type: string;
  next: string | null;
  buffer: Resource[];
}

export interface Page {
  items: Resource[];
  streams: Stream[];
  /** The date down to which everything was looked at; empty at the end. */
  reached: string;
}

const EMITTED = 40;
/** With a text to look for, as many are read before somebody is asked whether to go on. */
const LOOKED_AT = 1500;

export function startStreams(patient: string, filter: PatientSearch): Stream[] {
  return SOURCES.filter((source) => !filter.show || filter.show.includes(source.subject)).map((source) => ({
    type: source.type,
    next: `${source.type}?${query({
      patient: `Patient/${patient}`,
      [source.date]: [filter.from ? `ge${filter.from}` : "", filter.to ? `le${filter.to}` : ""],
      _sort: `-${source.date}`,
      _count: source.type === "Observation" ? 60 : 20,
    })}`,
    buffer: [],
  }));
}

/** What an entry is ordered by: instants of all zones compare as moments, a bare date as its first. */
export function orderOf(resource: Resource): number {
  const at = Date.parse(whenOf(resource));
  return Number.isNaN(at) ? Number.NEGATIVE_INFINITY : at;
}

async function fill(stream: Stream, signal: AbortSignal): Promise<Stream> {
  if (stream.buffer.length || !stream.next) return stream;
  const bundle = await askFhir<Bundle>(stream.next, signal);
  return { ...stream, buffer: matches<Resource>(bundle), next: nextOf(bundle) };
}

export async function readPage(from: Stream[], text: string | undefined, signal: AbortSignal): Promise<Page> {
  let streams = from;
  const items: Resource[] = [];
  const wanted = fold(text ?? "").split(/\s+/).filter(Boolean);
  let looked = 0;
  let reached = "";
  for (;;) {
    streams = await Promise.all(streams.map((stream) => fill(stream, signal)));
    streams = streams.filter((stream) => stream.buffer.length || stream.next);
    const open = streams.map((stream) => ({ ...stream, buffer: [...stream.buffer] }));
    // as long as every search has something to show, the newest of their firsts is the next of all
    while (open.length && open.every((stream) => stream.buffer.length || !stream.next)) {
      const newest = open.reduce<Stream | null>((best, stream) => {
        const [head] = stream.buffer;
        const [bestHead] = best?.buffer ?? [];
        return head && (!bestHead || orderOf(head) > orderOf(bestHead)) ? stream : best;
      }, null);
      const item = newest?.buffer.shift();
      if (!item) break;
      looked += 1;
      reached = whenOf(item) || reached;
      if (!wanted.length || has(item, wanted)) items.push(item);
      if (items.length >= EMITTED || looked >= LOOKED_AT) break;
    }
    streams = open.filter((stream) => stream.buffer.length || stream.next);
    if (!streams.length || items.length >= EMITTED || looked >= LOOKED_AT) return { items, streams, reached: streams.length ? reached : "" };
  }
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();
}

const WORDS = new Set(["text", "display", "description", "title", "conclusion", "valueString", "lotNumber", "unit", "note", "comment", "name"]);

function has(resource: Resource, wanted: string[]): boolean {
  const found: string[] = [];
  const collect = (value: unknown, depth: number) => {
    if (depth > 8 || !value || typeof value !== "object") return;
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === "string") {
        if (WORDS.has(key)) found.push(inner);
      } else collect(inner, depth + 1);
    }
  };
  collect(resource, 0);
  const all = fold(found.join("\n"));
  return wanted.every((word) => all.includes(word));
}
