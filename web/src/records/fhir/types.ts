// FHIR as it comes: only what the app reads has a type, all else stays JSON.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
/** A number that JavaScript would print in another way than it was written (`7.40`) stays as it was written. */
export type Decimal = number | string;

export interface Coding {
  system?: string;
  code?: string;
  display?: string;
}
export interface CodeableConcept {
  coding?: Coding[];
  text?: string;
}
export interface Quantity {
  value?: Decimal;
  comparator?: string;
  unit?: string;
  code?: string;
}
export interface Period {
  start?: string;
  end?: string;
}
export interface Reference {
  reference?: string;
  display?: string;
  type?: string;
}
export interface Identifier {
  use?: string;
  system?: string;
  value?: string;
  type?: CodeableConcept;
  assigner?: Reference;
}
export interface HumanName {
  use?: string;
  text?: string;
  family?: string;
  given?: string[];
  prefix?: string[];
  suffix?: string[];
  period?: Period;
}
export interface Attachment {
  contentType?: string;
  data?: string;
  url?: string;
  title?: string;
  size?: Decimal;
  creation?: string;
}

export interface Resource {
  resourceType: string;
  id: string;
  meta?: { versionId?: string; lastUpdated?: string; source?: string; tag?: Coding[]; security?: Coding[] };
  [element: string]: unknown;
}

export interface Patient extends Resource {
  resourceType: "Patient";
  name?: HumanName[];
  identifier?: Identifier[];
  birthDate?: string;
  gender?: string;
  deceasedBoolean?: boolean;
  deceasedDateTime?: string;
  managingOrganization?: Reference;
  active?: boolean;
}

export interface Observation extends Resource {
  status?: string;
  code?: CodeableConcept;
  category?: CodeableConcept[];
  effectiveDateTime?: string;
  effectivePeriod?: Period;
  effectiveInstant?: string;
  issued?: string;
  valueQuantity?: Quantity;
  valueCodeableConcept?: CodeableConcept;
  valueString?: string;
  interpretation?: CodeableConcept[];
  referenceRange?: { low?: Quantity; high?: Quantity; text?: string }[];
  component?: { code?: CodeableConcept; valueQuantity?: Quantity; valueCodeableConcept?: CodeableConcept; valueString?: string }[];
}

export interface ImagingStudy extends Resource {
  resourceType: "ImagingStudy";
  identifier?: Identifier[];
  modality?: Coding[];
  subject?: Reference;
  started?: string;
  description?: string;
  numberOfSeries?: Decimal;
  numberOfInstances?: Decimal;
}

export interface Bundle<R extends Resource = Resource> {
  resourceType: "Bundle";
  type?: string;
  total?: number;
  link?: { relation: string; url: string }[];
  entry?: {
    fullUrl?: string;
    resource?: R;
    search?: { mode?: "match" | "include" | "outcome" };
    request?: { method: string; url: string };
    response?: { status: string; lastModified?: string; etag?: string };
  }[];
}
