// The search of the studies list as its URL holds it.
import type { StudyFilter } from "./qido.ts";

export interface StudiesSearch extends StudyFilter {
  sort?: string;
  down?: boolean;
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;

export function validateStudies(raw: Record<string, unknown>): StudiesSearch {
  const text = (key: string) => {
    const value = raw[key];
    const string = typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
    return string.slice(0, 200) || undefined;
  };
  const date = (key: string) => {
    const value = text(key);
    return value && DATE.test(value) ? value : undefined;
  };
  return {
    name: text("name"),
    mrn: text("mrn"),
    from: date("from"),
    to: date("to"),
    modality: text("modality")?.toUpperCase().replace(/[^A-Z0-9]/g, "") || undefined,
    accession: text("accession"),
    description: text("description"),
    sort: text("sort"),
    down: typeof raw.down === "boolean" ? raw.down : undefined,
  };
}

export function isFiltered(search: StudiesSearch): boolean {
  return Boolean(search.name || search.mrn || search.from || search.to || search.modality || search.accession || search.description);
}
