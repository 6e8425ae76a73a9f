// The questions that the viewer asks, all of them plain DICOMweb but for the annotations.
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { Problem, ask, askJson, sendJson } from "../../api/http.ts";
import { type Attributes, number, person, text } from "./attributes.ts";
import { stackOf } from "./images.ts";

const path = (...parts: (string | number)[]) => `/dicom-web/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
export const frameUrl = (study: string, series: string, instance: string, frame: number) => path("studies", study, "series", series, "instances", instance, "frames", frame);
export const seriesUrl = (study: string, series: string) => path("studies", study, "series", series);

const DICOM_JSON = { headers: { Accept: "application/dicom+json" } };

async function found(url: string, signal?: AbortSignal): Promise<Attributes[]> {
  const answer = await askJson<unknown>(url, { ...DICOM_JSON, signal });
  return Array.isArray(answer) ? (answer as Attributes[]) : [];
}

export interface StudyFacts {
  uid: string;
  patientName: string;
  patientId: string;
  birthDate: string;
  sex: string;
  date: string;
  time: string;
  description: string;
  accession: string;
  modalities: string[];
  institution: string;
}

function studyFacts(from: Attributes): StudyFacts {
  return {
    uid: text(from, "0020000D"),
    patientName: person(from, "00100010"),
    patientId: text(from, "00100020"),
    birthDate: text(from, "00100030"),
    sex: text(from, "00100040"),
    date: text(from, "00080020"),
    time: text(from, "00080030"),
    description: text(from, "00081030"),
    accession: text(from, "00080050"),
    modalities: (from["00080061"]?.Value ?? []).filter((value) => typeof value === "string"),
    institution: text(from, "00080080"),
  };
}

export interface SeriesFacts {
  uid: string;
  number?: number;
  modality: string;
  description: string;
  instances: number;
}

/** Kinds of series that hold no pictures of their own. */
const WORDS = new Set(["SR", "PR", "KO", "DOC", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "REG", "AU", "HD", "ECG", "PLAN", "FID", "RWV", "SMR"]);
export const hasPictures = (series: SeriesFacts) => !WORDS.has(series.modality);

export const studyQuery = (study: string) =>
  queryOptions({
    queryKey: ["viewer", "study", study],
    queryFn: async ({ signal }): Promise<StudyFacts> => {
      const [first] = await found(`/dicom-web/studies?StudyInstanceUID=${encodeURIComponent(study)}&limit=1`, signal);
      if (!first) throw new Problem(404, "not-found", "");
      return studyFacts(first);
    },
    staleTime: Infinity,
  });

export const seriesQuery = (study: string) =>
  queryOptions({
    queryKey: ["viewer", "series", study],
    queryFn: async ({ signal }): Promise<SeriesFacts[]> => {
      const rows = await found(`${path("studies", study, "series")}?includefield=00201209`, signal);
      const list = rows.map((row) => ({
        uid: text(row, "0020000E"),
        number: number(row, "00200011"),
        modality: text(row, "00080060"),
        description: text(row, "0008103E"),
        instances: number(row, "00201209") ?? 0,
      }));
      return list.sort((a, b) => Number(hasPictures(b)) - Number(hasPictures(a)) || (a.number ?? Infinity) - (b.number ?? Infinity) || a.uid.localeCompare(b.uid));
    },
    staleTime: Infinity,
  });

export const stackQuery = (study: string, series: string) =>
  queryOptions({
    queryKey: ["viewer", "stack", study, series],
    queryFn: async ({ signal }) => stackOf(study, series, await found(`${seriesUrl(study, series)}/metadata`, signal)),
    staleTime: Infinity,
    gcTime: 30_000,
  });

/** Other studies of the patient, the newest first. */
export const priorsQuery = (study: StudyFacts | undefined) =>
  queryOptions({
    queryKey: ["viewer", "priors", study?.uid],
    enabled: Boolean(study?.patientId),
    queryFn: async ({ signal }) => {
      const rows = await found(`/dicom-web/studies?PatientID=${encodeURIComponent(study!.patientId)}&limit=100`, signal);
      const same = rows.map(studyFacts).filter((other) => other.uid !== study!.uid && other.patientId === study!.patientId);
      return same.sort((a, b) => `${b.date}${b.time}`.localeCompare(`${a.date}${a.time}`));
    },
    staleTime: 60_000,
  });

/** The id of the Patient that the study is of, for the way back. */
export const patientQuery = (study: string | undefined) =>
  queryOptions({
    queryKey: ["viewer", "patient", study],
    enabled: study !== undefined,
    queryFn: async ({ signal }) => {
      const identifier = encodeURIComponent(`urn:dicom:uid|urn:oid:${study}`);
      const bundle = await askJson<{ entry?: { resource?: { subject?: { reference?: string } } }[] }>(`/fhir/ImagingStudy?identifier=${identifier}&_count=1`, { signal });
      const reference = bundle.entry?.[0]?.resource?.subject?.reference ?? "";
      return /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(reference)?.[1] ?? null;
    },
    staleTime: Infinity,
    retry: false,
  });

/** Whether the study can still be seen. Cheap: one row of an index. Throws a `Problem` where not. */
export async function checkAccess(study: string): Promise<void> {
  const rows = await found(`${path("studies", study, "series")}?limit=1`);
  if (rows.length === 0) throw new Problem(404, "not-found", "");
}

/** Frames that were asked for before the viewer's code was here: each is taken once. */
const ahead = new Map<string, Promise<ArrayBuffer | undefined>>();

async function bytesOf(url: string, signal?: AbortSignal): Promise<ArrayBuffer> {
  const response = await ask(url, { signal, headers: { Accept: "application/octet-stream" } });
  return response.arrayBuffer();
}

export async function frameBytes(study: string, series: string, instance: string, frame: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const url = frameUrl(study, series, instance, frame);
  const early = ahead.get(url);
  ahead.delete(url);
  return (await early) ?? bytesOf(url, signal);
}

/** Asks for what the viewer shows first, while its code and the session are still on their way. */
export async function askAhead(client: QueryClient, study: string, at: { series?: string; instance?: string; frame?: number }, frames: boolean): Promise<void> {
  const list = client.fetchQuery(seriesQuery(study));
  const series = at.series ?? (await list).find(hasPictures)?.uid;
  if (!series) return;
  const { pictures } = await client.fetchQuery(stackQuery(study, series));
  const first = pictures.find(({ instance, frame }) => instance === at.instance && frame === (at.frame ?? 1)) ?? pictures[0];
  if (!first || first.content === "colour" || !frames) return;
  const url = frameUrl(study, series, first.instance, first.frame);
  ahead.clear();
  ahead.set(url, bytesOf(url).catch(() => undefined));
  // whoever does not come for it leaves nothing behind
  setTimeout(() => ahead.delete(url), 10_000);
}

export async function framePicture(study: string, series: string, instance: string, frame: number, signal: AbortSignal): Promise<Blob> {
  const response = await ask(`${frameUrl(study, series, instance, frame)}/rendered`, { signal, headers: { Accept: "image/png" } });
  return response.blob();
}

/** Bytes that the metadata point to; only of this server. */
export async function bulk(uri: string): Promise<Blob> {
  const { pathname } = new URL(uri, location.href);
  if (!pathname.startsWith("/dicom-web/")) throw new Problem(404, "not-found", "");
  const response = await ask(pathname, { headers: { Accept: "application/octet-stream" } });
  return response.blob();
}

/** The instance as a file (PS3.10). */
export async function instanceFile(study: string, series: string, instance: string): Promise<Blob> {
  const response = await ask(path("studies", study, "series", series, "instances", instance), { headers: { Accept: "application/dicom; transfer-syntax=*" } });
  return response.blob();
}

export async function rendered(url: string, signal?: AbortSignal): Promise<Blob> {
  const response = await ask(url, { signal, headers: { Accept: "image/jpeg" } });
  return response.blob();
}

export interface Annotations {
  measurements: unknown[];
  key_images: unknown[];
  changed?: string;
}

export const readAnnotations = (study: string) => askJson<Annotations>(`/api/annotations/${encodeURIComponent(study)}`);
export const writeAnnotations = (study: string, all: Annotations) => sendJson<void>("PUT", `/api/annotations/${encodeURIComponent(study)}`, all);
