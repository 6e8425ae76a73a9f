// QIDO-RS at the study level (PS3.18 §10.6): a row as people read it, pages by limit and offset, and how many there are.
import { ask } from "../../api/http.ts";
import { type Attributes, items, number, text } from "../dicom/attributes.ts";

export interface StudyRow {
  uid: string;
  /** As people read it, and in every writing that the name has. */
  patientName: string;
  names: string[];
  patientId: string;
  birthDate: string;
  sex: string;
  /** DICOM DA and TM. */
  date: string;
  time: string;
  description: string;
  accession: string;
  modalities: string[];
  series: number | null;
  instances: number | null;
  referrer: string;
  institution: string;
  /** The id of the member that shared it; empty for the own one's. */
  owner: string;
}

const count = (dataset: Attributes, tag: string): number | null => number(dataset, tag) ?? null;

const EAST_ASIAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** PS3.5 §6.2.1: family^given^middle^prefix^suffix, as people write it. */
export function personName(value: string): string {
  const [family = "", given = "", middle = "", prefix = "", suffix = ""] = value.split("^").map((part) => part.trim());
  if (EAST_ASIAN.test(family + given)) return family + given + middle;
  return [prefix, given, middle, family, suffix].filter(Boolean).join(" ");
}

export function namesOf(value: unknown): string[] {
  if (!value || typeof value !== "object") return [];
  const { Alphabetic, Ideographic, Phonetic } = value as { Alphabetic?: string; Ideographic?: string; Phonetic?: string };
  return [...new Set([Ideographic, Alphabetic, Phonetic].filter((one): one is string => Boolean(one)).map(personName).filter(Boolean))];
}

export function rowOf(dataset: Attributes): StudyRow {
  const names = namesOf(items(dataset, "00100010")[0]);
  return {
    uid: text(dataset, "0020000D"),
    patientName: names[0] ?? "",
    names,
    patientId: text(dataset, "00100020"),
    birthDate: text(dataset, "00100030"),
    sex: text(dataset, "00100040"),
    date: text(dataset, "00080020"),
    time: text(dataset, "00080030"),
    description: text(dataset, "00081030"),
    accession: text(dataset, "00080050"),
    modalities: (dataset["00080061"]?.Value ?? []).filter((one): one is string => typeof one === "string"),
    series: count(dataset, "00201206"),
    instances: count(dataset, "00201208"),
    referrer: namesOf(items(dataset, "00080090")[0])[0] ?? "",
    institution: text(dataset, "00080080"),
    owner: text(dataset, "FFF10010") === "LENTICULAR" ? text(dataset, "FFF11001") : "",
  };
}

export interface StudyFilter {
  name?: string;
  mrn?: string;
  /** ISO dates, both ends belong to it. */
  from?: string;
  to?: string;
  modality?: string;
  accession?: string;
  description?: string;
}

/** A star around what was typed, unless the reader used wildcards; what DICOM takes for a separator is left out. */
function anywhere(value: string): string {
  const clean = value.trim().replace(/[\\,]/g, " ");
  return /[*?]/.test(clean) ? clean : `*${clean}*`;
}

export function parametersOf(filter: StudyFilter): [string, string][] {
  const pairs: [string, string][] = [];
  const day = (value: string | undefined) => (value ?? "").replaceAll("-", "");
  if (filter.name?.trim()) {
    pairs.push(["PatientName", filter.name.trim().replace(/[\\,=]/g, " ")], ["fuzzymatching", "true"]);
  }
  if (filter.mrn?.trim()) pairs.push(["PatientID", filter.mrn.trim().replace(/\\/g, " ")]);
  if (filter.from || filter.to) pairs.push(["StudyDate", `${day(filter.from)}-${day(filter.to)}`]);
  if (filter.modality) pairs.push(["ModalitiesInStudy", filter.modality]);
  if (filter.accession?.trim()) pairs.push(["AccessionNumber", filter.accession.trim().replace(/\\/g, " ")]);
  if (filter.description?.trim()) pairs.push(["StudyDescription", anywhere(filter.description)]);
  return pairs;
}

/** One page. `more` as the server's Warning says (§8.3.4). */
export async function searchStudies(pairs: [string, string][], limit: number, offset = 0, signal?: AbortSignal): Promise<{ rows: StudyRow[]; more: boolean }> {
  const search = new URLSearchParams(pairs);
  search.set("limit", String(limit));
  if (offset) search.set("offset", String(offset));
  const response = await ask(`/dicom-web/studies?${search}`, { signal, headers: { Accept: "application/dicom+json" } });
  if (response.status === 204) return { rows: [], more: false };
  const found = (await response.json()) as Attributes[];
  return { rows: found.map(rowOf), more: response.headers.has("Warning") };
}

/** Rows of a page. */
export const PAGE = 200;
/** More than this many are not counted: somebody will narrow the search. */
const COUNTED = 1_000_000;

/** How many there are, where the first page was full: QIDO-RS has no total, so the end is looked for by doubling and halving. */
export async function countStudies(pairs: [string, string][], signal?: AbortSignal): Promise<number> {
  let low = PAGE; // there are at least as many
  let high = PAGE * 2;
  while (high < COUNTED && (await searchStudies(pairs, 1, high - 1, signal)).rows.length > 0) {
    low = high;
    high *= 2;
  }
  while (high - low > PAGE) {
    const middle = low + Math.ceil((high - low) / 2);
    if ((await searchStudies(pairs, 1, middle - 1, signal)).rows.length > 0) low = middle;
    else high = middle;
  }
  return low + (await searchStudies(pairs, PAGE, low, signal)).rows.length;
}
