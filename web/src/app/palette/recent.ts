// What was opened since the page was loaded. In memory alone: names of patients never reach the browser's storage.

export interface Recent {
  kind: "patients" | "studies";
  /** Of the Patient, or the Study Instance UID. */
  id: string;
  label: string;
  detail: string;
}

const KEPT = 8;
let recent: Recent[] = [];

export function remember(opened: Recent) {
  recent = [opened, ...recent.filter((one) => one.kind !== opened.kind || one.id !== opened.id)].slice(0, KEPT);
}

/** Newest first. */
export function recents(): Recent[] {
  return recent;
}
