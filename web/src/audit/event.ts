// What an entry of the log says, taken from the AuditEvent.
import type { AuditEvent } from "./api.ts";

export interface Told {
  id: string;
  at: string;
  /** By name where it is a user of the own member, else as the log has them. */
  who: string;
  /** As the log has them: a login, perhaps with the name of a token, or a device. */
  login: string;
  /** `member/login`. */
  whoAt: string;
  role: string;
  action: string;
  /** FHIR's word for the interaction, or the DIMSE service's. */
  interaction: string;
  /** 0 done, 4 refused, 8 failed. */
  outcome: string;
  kind: string;
  entity: string;
  patient: string;
  query: string;
  purpose: string;
  way: string;
}

export function tell(event: AuditEvent): Told {
  const entities = event.entity ?? [];
  const patient = entities.find((entity) => entity.type?.code === "1")?.what?.reference?.replace(/^Patient\//, "") ?? "";
  const touched = entities.find((entity) => entity.type?.code !== "1" && entity.what);
  const asked = entities.find((entity) => entity.query !== undefined);
  const reference = touched?.what?.reference ?? "";
  const slash = reference.indexOf("/");
  const kind = slash > 0 ? reference.slice(0, slash) : (touched?.what?.display ?? entities.find((entity) => entity.name !== undefined)?.name ?? "");
  const entity = slash > 0 ? reference.slice(slash + 1) : (touched?.what?.identifier?.value ?? "").replace(/^urn:oid:/, "");
  const agent = event.agent[0];
  return {
    id: event.id,
    at: event.recorded,
    who: agent?.name ?? "",
    login: agent?.altId ?? "",
    whoAt: agent?.who?.identifier?.value ?? "",
    role: agent?.role?.[0]?.text ?? "",
    action: event.action ?? "",
    interaction: event.subtype?.[0]?.code ?? "",
    outcome: event.outcome ?? "",
    kind,
    entity,
    patient,
    query: decode(asked?.query),
    purpose: event.purposeOfEvent?.[0]?.coding?.[0]?.code ?? "",
    way: event.source?.observer?.display?.replace(/^Lenticular, /, "") ?? "",
  };
}

function decode(base64: string | undefined): string {
  if (!base64) return "";
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
  } catch {
    return "";
  }
}

/** Which sentence tells it: a key of `audit:did`. */
export function deed(told: Told): string {
  const { interaction, action } = told;
  if (/^search/.test(interaction)) return action === "R" ? "listed" : "searched";
  if (interaction === "rendered" || interaction === "thumbnail" || interaction === "retrieve" || interaction === "retrieve-frames") return "looked";
  if (/^history/.test(interaction)) return "history";
  if (interaction === "store") return "stored";
  if (interaction === "share") return "shared";
  if (interaction === "unshare") return "unshared";
  if (interaction === "set-up") return "setUp";
  if (/^(login|sign-in|signin|log-in)$/.test(interaction)) return "signedIn";
  if (/^(logout|sign-out|signout|log-out)$/.test(interaction)) return "signedOut";
  if (/echo/i.test(interaction)) return "echoed";
  if (interaction === "reset") return "reset";
  if (interaction === "export") return "exported";
  if (interaction === "switch") return "switched";
  if (interaction === "password") return "password";
  if (interaction === "log-level") return "logLevel";
  if (interaction === "read" && told.kind === "Session") return "opened";
  return action === "C" ? "created" : action === "U" ? "changed" : action === "D" ? "removed" : action === "R" ? "looked" : "executed";
}

/** Kinds that have a word in our texts; the rest is said as FHIR names it. */
export const KINDS = [
  "Patient",
  "Study",
  "Series",
  "Instance",
  "ImagingStudy",
  "DiagnosticReport",
  "Observation",
  "Condition",
  "Encounter",
  "Procedure",
  "MedicationRequest",
  "AllergyIntolerance",
  "Immunization",
  "DocumentReference",
  "Bundle",
  "Organization",
  "Practitioner",
  "Share",
  "Conflict",
  "Annotation",
  "AuditEvent",
  "User",
  "Session",
  "Token",
  "Device",
  "Member",
  "System",
  "Preferences",
  "Demo",
] as const;
