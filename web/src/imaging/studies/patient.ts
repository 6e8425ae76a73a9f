import { askFhir, matches, query } from "../../records/api.ts";
import { target } from "../../records/fhir/read.ts";
import type { Bundle, ImagingStudy } from "../../records/fhir/types.ts";

/** The id of the Patient whose study it is, or null where the record has none. */
export async function patientOfStudy(uid: string): Promise<string | null> {
  const bundle = await askFhir<Bundle>(`ImagingStudy?${query({ identifier: `urn:dicom:uid|urn:oid:${uid}`, _count: 1 })}`);
  return target(matches<ImagingStudy>(bundle)[0]?.subject)?.id ?? null;
}
