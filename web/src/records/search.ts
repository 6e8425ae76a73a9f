// What the URLs of this folder hold.

const DATE = /^\d{4}-\d{2}-\d{2}$/;

function text(value: unknown): string | undefined {
  return (typeof value === "string" ? value : typeof value === "number" ? String(value) : "").slice(0, 200) || undefined;
}

function date(value: unknown): string | undefined {
  const found = text(value);
  return found && DATE.test(found) ? found : undefined;
}

export interface PatientsSearch {
  q?: string;
  sort?: "name" | "birth" | "mrn" | "changed";
  down?: boolean;
  /** Whether the form for a new patient is open. */
  new?: boolean;
}

export function validatePatients(raw: Record<string, unknown>): PatientsSearch {
  return {
    q: text(raw.q),
    sort: (["name", "birth", "mrn", "changed"] as const).find((one) => one === raw.sort),
    down: raw.down === true ? true : undefined,
    new: raw.new === true ? true : undefined,
  };
}

/** What a timeline can be narrowed to. */
export const SUBJECTS = ["images", "results", "conditions", "medication", "visits", "procedures", "documents", "other"] as const;
export type Subject = (typeof SUBJECTS)[number];

export interface PatientSearch {
  show?: Subject[];
  text?: string;
  from?: string;
  to?: string;
}

export function validatePatient(raw: Record<string, unknown>): PatientSearch {
  const show = Array.isArray(raw.show) ? SUBJECTS.filter((subject) => (raw.show as unknown[]).includes(subject)) : [];
  return { show: show.length ? show : undefined, text: text(raw.text), from: date(raw.from), to: date(raw.to) };
}

export interface ResourceSearch {
  view?: "history" | "json";
  /** The version that is compared with the one before it. */
  version?: string;
}

export function validateResource(raw: Record<string, unknown>): ResourceSearch {
  return { view: (["history", "json"] as const).find((one) => one === raw.view), version: text(raw.version) };
}
