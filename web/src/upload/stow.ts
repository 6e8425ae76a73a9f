// STOW-RS (PS3.18 §10.5): several objects in one request, and what became of each.
import { askJson, Problem } from "../api/http.ts";

export interface ObjectOutcome {
  sop: string;
  outcome: "stored" | "conflict" | "refused";
  /** Four hexadecimal digits (PS3.18 Table I.2-2). */
  reason?: string;
}

interface Element {
  Value?: unknown[];
}
type DataSet = Record<string, Element | undefined>;

export function multipart(parts: Blob[]): { body: Blob; type: string } {
  const boundary = `lenticular-${crypto.randomUUID()}`;
  const pieces: BlobPart[] = parts.flatMap((part) => [`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`, part, "\r\n"]);
  pieces.push(`--${boundary}--\r\n`);
  return { body: new Blob(pieces), type: `multipart/related; type="application/dicom"; boundary=${boundary}` };
}

function texts(data: DataSet, tag: string): string {
  const [value] = data[tag]?.Value ?? [];
  return typeof value === "string" ? value : "";
}

function reasonOf(data: DataSet, tag: string): string {
  const [value] = data[tag]?.Value ?? [];
  return typeof value === "number" ? value.toString(16).toUpperCase().padStart(4, "0") : "";
}

const items = (data: DataSet, tag: string) => (data[tag]?.Value ?? []) as DataSet[];

/** Reads the Store Instances Response; null where the text is none. */
export function outcomes(text: string): ObjectOutcome[] | null {
  let data: DataSet;
  try {
    data = JSON.parse(text) as DataSet;
  } catch {
    return null;
  }
  if (typeof data !== "object" || data === null || (!data["00081199"] && !data["00081198"])) return null;
  const stored = items(data, "00081199").map((item): ObjectOutcome => {
    const warning = reasonOf(item, "00081196");
    return { sop: texts(item, "00081155"), outcome: warning === "B000" ? "conflict" : "stored", reason: warning || undefined };
  });
  const failed = items(data, "00081198").map(
    (item): ObjectOutcome => ({ sop: texts(item, "00081155"), outcome: "refused", reason: reasonOf(item, "00081197") }),
  );
  return [...stored, ...failed];
}

const PAGE = 5000;

/** The objects of a study that are here already; null where the caller may not see that. */
export async function known(study: string): Promise<Set<string> | null> {
  const found = new Set<string>();
  if (!/^[0-9.]{1,64}$/.test(study)) return found;
  for (let offset = 0; offset < 1_000_000; offset += PAGE) {
    let page: DataSet[] | undefined;
    try {
      page = await askJson<DataSet[] | undefined>(`/dicom-web/studies/${study}/instances?limit=${PAGE}&offset=${offset}`, {
        headers: { Accept: "application/dicom+json" },
      });
    } catch (error) {
      if (error instanceof Problem && error.retry) throw error;
      return error instanceof Problem && error.status === 404 ? found : null;
    }
    for (const item of page ?? []) found.add(texts(item, "00080018"));
    if (!page || page.length < PAGE) return found;
  }
  return found;
}
