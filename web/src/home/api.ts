// What the home page asks; each block asks by itself.
import { api, type Schemas } from "../api/app.ts";
import { askFhir, included, matches, query } from "../records/api.ts";
import { target } from "../records/fhir/read.ts";
import type { Bundle, ImagingStudy, Patient, Resource } from "../records/fhir/types.ts";

const SHOWN = 6;
type Signal = { signal: AbortSignal };

export interface NewestStudy {
  study: ImagingStudy;
  patient: Patient | null;
}

export const newestStudies = {
  queryKey: ["home", "studies"],
  queryFn: async ({ signal }: Signal): Promise<NewestStudy[]> => {
    const bundle = await askFhir<Bundle>(`ImagingStudy?${query({ _sort: "-started", _count: SHOWN, _include: "ImagingStudy:patient" })}`, signal);
    const patients = new Map(included<Patient>(bundle, "Patient").map((patient) => [patient.id, patient]));
    return matches<ImagingStudy>(bundle).map((study) => ({ study, patient: patients.get(target(study.subject)?.id ?? "") ?? null }));
  },
} as const;

export const newestReports = {
  queryKey: ["home", "reports"],
  queryFn: async ({ signal }: Signal) => matches<Resource>(await askFhir<Bundle>(`DiagnosticReport?${query({ _sort: "-date", _count: SHOWN })}`, signal)),
} as const;

/** Patients whose first version was written since `since` (an instant). */
export const newPatients = (since: string) => ({
  queryKey: ["home", "patients", since],
  queryFn: async ({ signal }: Signal) => {
    const bundle = await askFhir<Bundle<Patient>>(`Patient?${query({ _lastUpdated: `ge${since}`, _sort: "-_lastUpdated", _count: 100, _elements: "name,birthDate,identifier" })}`, signal);
    return matches<Patient>(bundle).filter((patient) => patient.meta?.versionId === "1");
  },
});

export const conflicts = {
  queryKey: ["home", "conflicts"],
  queryFn: async ({ signal }: Signal) => (await api("get", "/api/conflicts", { signal })).conflicts,
} as const;

export type IncomingShare = Schemas["Incoming"];

export const incomingShares = {
  queryKey: ["home", "incoming"],
  queryFn: async ({ signal }: Signal) => {
    const { shares } = await api("get", "/api/shares", { query: { direction: "incoming" }, signal });
    return [...(shares as IncomingShare[])].sort((a, b) => Date.parse(b.created ?? "") - Date.parse(a.created ?? ""));
  },
} as const;

export const system = {
  queryKey: ["home", "system"],
  queryFn: ({ signal }: Signal) => api("get", "/api/system", { signal }),
} as const;

export const devices = {
  queryKey: ["home", "devices"],
  queryFn: async ({ signal }: Signal) => (await api("get", "/api/devices", { signal })).devices,
} as const;

export const users = {
  queryKey: ["home", "users"],
  queryFn: async ({ signal }: Signal) => (await api("get", "/api/users", { signal })).users,
} as const;
