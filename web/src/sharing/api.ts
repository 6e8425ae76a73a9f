// Shares: what is given, to whom, until when.
import { api, type Schemas } from "../api/app.ts";
import { askJson } from "../api/http.ts";

/** A share that the own member made. */
export type Outgoing = Schemas["OutgoingShare"];
/** A share that was made to the own member. */
export type Incoming = Schemas["Incoming"];
/** What was made; the address with its token is shown this once. */
export type Made = Schemas["CreatedShare"];
export type ShareRequest = Schemas["ShareRequest"];

export const outgoingQuery = {
  queryKey: ["shares", "outgoing"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await api("get", "/api/shares", { signal })).shares as Outgoing[],
} as const;

export const incomingQuery = {
  queryKey: ["shares", "incoming"],
  queryFn: async ({ signal }: { signal: AbortSignal }) => (await api("get", "/api/shares", { query: { direction: "incoming" }, signal })).shares as Incoming[],
} as const;

export const makeShare = (request: ShareRequest) => api("post", "/api/shares", { body: request });

export const takeBack = (id: string) => api("delete", "/api/shares/{id}", { path: { id } });

export interface LinkedStudy {
  study: string;
  patientName: string;
  description: string;
  modalities: string;
  date: string;
}

type DataSet = Record<string, { Value?: unknown[] } | undefined>;

function value(data: DataSet, tag: string): string {
  const values = data[tag]?.Value ?? [];
  return values
    .map((one) => {
      if (typeof one === "object" && one !== null) {
        const name = one as { Alphabetic?: string; Ideographic?: string };
        return [name.Ideographic, name.Alphabetic].find(Boolean) ?? "";
      }
      return String(one ?? "");
    })
    .join(", ");
}

/** The studies that the bearer of a link may see. */
export async function linkedStudies(token: string): Promise<LinkedStudy[]> {
  const found = await askJson<DataSet[] | undefined>("/dicom-web/studies?limit=200", {
    headers: { Authorization: `Bearer ${token}`, Accept: "application/dicom+json" },
  });
  return (found ?? []).map((data) => ({
    study: value(data, "0020000D"),
    patientName: value(data, "00100010"),
    description: value(data, "00081030"),
    modalities: value(data, "00080061"),
    date: value(data, "00080020"),
  }));
}

export interface LinkedPatient {
  id: string;
  name: string;
  birthDate?: string;
}

interface PatientResource {
  id: string;
  name?: { text?: string; family?: string; given?: string[] }[];
  birthDate?: string;
}

/** The patients whose records the bearer of a link may see. */
export async function linkedPatients(token: string): Promise<LinkedPatient[]> {
  const bundle = await askJson<{ entry?: { resource?: PatientResource }[] }>("/fhir/Patient?_count=5", {
    headers: { Authorization: `Bearer ${token}`, Accept: "application/fhir+json" },
  });
  return (bundle.entry ?? []).flatMap(({ resource }) => {
    if (!resource) return [];
    const [name] = resource.name ?? [];
    return [{ id: resource.id, birthDate: resource.birthDate, name: name?.text ?? [name?.family, ...(name?.given ?? [])].filter(Boolean).join(" ") }];
  });
}

/** Whether there is more than images: what a link to all of a patient shows, and a link to one study does not. */
export async function hasRecords(token: string): Promise<boolean> {
  const counts = await Promise.all(
    ["Encounter", "Observation", "Condition"].map((type) =>
      askJson<{ total?: number }>(`/fhir/${type}?_summary=count`, { headers: { Authorization: `Bearer ${token}`, Accept: "application/fhir+json" } }),
    ),
  );
  return counts.some((count) => (count.total ?? 0) > 0);
}
