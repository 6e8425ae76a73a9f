// Real tests of the ways in: each does what a client of its kind does first.
import { api } from "../api/app.ts";
import { askJson, Problem, problemOf } from "../api/http.ts";

export type ProbeKind = "dicom" | "dicomweb" | "fhir" | "script" | "viewer";

export interface Verdict {
  ok: boolean;
  milliseconds: number;
  /** Key of the words in `system:connect.verdict`. */
  words: string;
  /** What the other side said. */
  detail: string;
}

type Found = Pick<Verdict, "ok" | "words"> & { detail?: string };

/** Without the session's cookie, as a script has it. */
async function withToken(path: string, token: string): Promise<Response> {
  return fetch(path, { credentials: "omit", headers: { Authorization: `Bearer ${token}` } });
}

async function dicomweb(query: string): Promise<Found> {
  const response = await fetch(`/dicom-web/studies?${query}`, { headers: { Accept: "application/dicom+json" }, credentials: "same-origin" });
  if (response.status === 204) return { ok: true, words: "dicomwebEmpty" };
  if (response.status === 403) return { ok: true, words: "dicomwebRole" };
  if (!response.ok) throw await problemOf(response);
  const rows = (await response.json()) as unknown[];
  return { ok: true, words: rows.length > 0 ? "dicomwebOk" : "dicomwebEmpty" };
}

async function fhir(): Promise<Found> {
  const statement = await askJson<{ resourceType?: string; fhirVersion?: string }>("/fhir/metadata", {
    headers: { Accept: "application/fhir+json" },
  });
  const fits = statement.resourceType === "CapabilityStatement";
  return { ok: fits, words: fits ? "fhirOk" : "fhirOther", detail: statement.fhirVersion ? `FHIR ${statement.fhirVersion}` : "" };
}

/** A token is made, used as a script would, and taken back; then it must open nothing. */
async function script(): Promise<Found> {
  const made = await api("post", "/api/tokens", { body: { name: "connection-test", role: "clinician", days: 1 } });
  let used: Response;
  try {
    used = await withToken("/fhir/Organization?_count=1", made.token);
  } finally {
    await api("delete", "/api/tokens/{id}", { path: { id: made.id } });
  }
  if (!used.ok) throw await problemOf(used);
  const after = await withToken("/fhir/Organization?_count=1", made.token);
  return after.status === 401 ? { ok: true, words: "scriptOk" } : { ok: false, words: "scriptStill", detail: String(after.status) };
}

async function dicom(): Promise<Found & { milliseconds?: number }> {
  const echo = await testDevice({});
  return { ok: echo.ok, words: echo.ok ? "dicomOk" : "dicomFailed", detail: echo.message, milliseconds: echo.milliseconds };
}

/** A C-ECHO to a device, or to our own listener where none is named. */
export const testDevice = (target: { ae?: string; host?: string; port?: number; called?: string }) =>
  api("post", "/api/devices/test", { body: target });

// what OHIF asks for when its study list opens
const STUDY_LIST = "limit=1&offset=0&fuzzymatching=false&includefield=00081030%2C00080060";

const PROBES: Record<ProbeKind, () => Promise<Found & { milliseconds?: number }>> = {
  dicom,
  dicomweb: () => dicomweb("limit=1"),
  fhir,
  script,
  viewer: () => dicomweb(STUDY_LIST),
};

export async function probe(kind: ProbeKind): Promise<Verdict> {
  const begun = performance.now();
  const since = () => Math.round(performance.now() - begun);
  try {
    const { milliseconds, detail, ...found } = await PROBES[kind]();
    return { ...found, detail: detail ?? "", milliseconds: milliseconds ?? since() };
  } catch (error) {
    const status = error instanceof Problem ? error.status : 0;
    const words = status === 0 ? "away" : status === 401 ? "signedOut" : status === 403 ? "forbidden" : status === 404 ? "closed" : "failed";
    return { ok: false, words, detail: error instanceof Problem ? error.message : "", milliseconds: since() };
  }
}
