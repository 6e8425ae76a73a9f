// What people call the things in a resource.
import type { CodeableConcept, Coding, Decimal, HumanName, Identifier, ImagingStudy, Observation, Patient, Quantity, Reference, Resource } from "./types.ts";

export function textOf(concept: CodeableConcept | Coding | undefined): string {
  if (!concept) return "";
  if ("text" in concept && concept.text) return concept.text;
  if ("coding" in concept && concept.coding) {
    const shown = concept.coding.find((coding) => coding.display) ?? concept.coding[0];
    return shown?.display ?? shown?.code ?? "";
  }
  const coding = concept as Coding;
  return coding.display ?? coding.code ?? "";
}

const EAST_ASIAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** A name as it is written: in East Asian scripts the family comes first, without a space. */
export function humanName(name: HumanName | undefined): string {
  if (!name) return "";
  if (name.text) return name.text;
  const given = (name.given ?? []).join(" ");
  const family = name.family ?? "";
  if (EAST_ASIAN.test(family + given)) return family + (name.given ?? []).join("");
  return [...(name.prefix ?? []), given, family, ...(name.suffix ?? [])].filter(Boolean).join(" ");
}

const NAME_ORDER = ["official", "usual", undefined, "nickname", "anonymous", "temp", "maiden", "old"];

/** Every name of somebody, each once, the one they go by first. Empty where there is none. */
export function namesOf(patient: { name?: HumanName[] } | undefined): string[] {
  const names = [...(patient?.name ?? [])].sort((a, b) => rank(a) - rank(b));
  return [...new Set(names.map(humanName).filter(Boolean))];
}

function rank(name: HumanName): number {
  const found = NAME_ORDER.indexOf(name.use);
  return found < 0 ? 2 : found;
}

/** The medical record number: the identifier of that type, else the usual one, else the first. */
export function mrnOf(patient: { identifier?: Identifier[] } | undefined): string {
  const all = patient?.identifier ?? [];
  const mrn =
    all.find((one) => one.type?.coding?.some((coding) => coding.code === "MR")) ?? all.find((one) => one.use === "usual") ?? all[0];
  return mrn?.value ?? "";
}

export function isDead(patient: Patient): boolean {
  return patient.deceasedBoolean === true || Boolean(patient.deceasedDateTime);
}

/** `Type/id` of a reference within this server, of whatever form. */
export function target(reference: Reference | undefined): { type: string; id: string } | null {
  const found = /(?:^|\/)([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})(?:\/_history\/[^/]+)?$/.exec(reference?.reference ?? "");
  return found?.[1] && found[2] ? { type: found[1], id: found[2] } : null;
}

/** The UID of a study's images. */
export function studyUid(study: ImagingStudy): string | null {
  const value = study.identifier?.find((one) => one.system === "urn:dicom:uid")?.value;
  return value?.replace(/^urn:oid:/, "") ?? null;
}

/** What a resource is about, in a few words of its own. */
export function titleOf(resource: Resource): string {
  const r = resource as Record<string, unknown>;
  if (Array.isArray(r.name)) {
    const [first] = namesOf(resource as { name?: HumanName[] });
    if (first) return first;
  }
  for (const key of ["code", "vaccineCode", "medicationCodeableConcept", "type", "class", "category"]) {
    const value = r[key];
    const text = textOf((Array.isArray(value) ? value[0] : value) as CodeableConcept | undefined);
    if (text) return text;
  }
  for (const key of ["title", "description", "name"]) if (typeof r[key] === "string" && r[key]) return r[key];
  const medication = r.medicationReference as Reference | undefined;
  return medication?.display ?? "";
}

/** When it was, for a timeline; empty where it does not say. */
export function whenOf(resource: Resource): string {
  const r = resource as Record<string, unknown>;
  const period = (r.effectivePeriod ?? r.period ?? r.performedPeriod ?? r.onsetPeriod) as { start?: string } | undefined;
  const context = r.context as { period?: { start?: string } } | undefined;
  const keys = ["started", "effectiveDateTime", "effectiveInstant", "performedDateTime", "occurrenceDateTime", "authoredOn", "whenHandedOver", "recordedDate", "onsetDateTime", "date", "dateTime", "start", "created", "sent", "authored", "issued", "collectedDateTime"];
  for (const key of keys) if (typeof r[key] === "string") return r[key];
  return period?.start ?? context?.period?.start ?? "";
}

export function observationWhen(observation: Observation): string {
  return observation.effectiveDateTime ?? observation.effectiveInstant ?? observation.effectivePeriod?.start ?? observation.issued ?? "";
}

/** A number in the reader's digits and marks, with as many places as were written. */
export function decimal(language: string, value: Decimal): string {
  const written = String(value);
  const number = Number(written);
  if (!Number.isFinite(number) || /e/i.test(written)) return written;
  const places = Math.min(20, /\.(\d+)$/.exec(written)?.[1]?.length ?? 0);
  return new Intl.NumberFormat(language, { minimumFractionDigits: places, maximumFractionDigits: places }).format(number);
}

export function quantity(language: string, value: Quantity | undefined): string {
  if (!value || value.value === undefined) return "";
  const unit = value.unit ?? value.code ?? "";
  return `${value.comparator ?? ""}${decimal(language, value.value)}${unit ? ` ${unit}` : ""}`;
}

/** The value of an observation as one line, its components joined (`128/82 mmHg`). */
export function observationValue(language: string, observation: Observation): string {
  if (observation.valueQuantity) return quantity(language, observation.valueQuantity);
  if (observation.valueCodeableConcept) return textOf(observation.valueCodeableConcept);
  if (observation.valueString) return observation.valueString;
  const parts = observation.component ?? [];
  const values = parts.map((part) => part.valueQuantity);
  const units = new Set(values.map((one) => one?.unit));
  if (parts.length === 2 && values.every((one) => one?.value !== undefined) && units.size === 1) {
    const [a, b] = values;
    return `${decimal(language, a?.value ?? "")}/${decimal(language, b?.value ?? "")} ${a?.unit ?? ""}`.trim();
  }
  return parts
    .map((part) => part.valueString ?? (textOf(part.valueCodeableConcept) || quantity(language, part.valueQuantity)))
    .filter(Boolean)
    .join(" · ");
}
