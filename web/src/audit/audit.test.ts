import { expect, test } from "vitest";
import { type AuditEvent, dayStart, parametersOf } from "./api.ts";
import { deed, tell } from "./event.ts";

test("a day begins at the site's midnight, over changes of the clocks too", () => {
  expect(dayStart("2026-11-23", "UTC")).toBe("2026-11-23T00:00:00.000Z");
  expect(dayStart("2026-11-23", "Europe/Berlin")).toBe("2026-11-22T23:00:00.000Z");
  expect(dayStart("2026-03-29", "Europe/Berlin")).toBe("2026-03-28T23:00:00.000Z");
  expect(dayStart("2026-03-30", "Europe/Berlin")).toBe("2026-03-29T22:00:00.000Z");
  expect(dayStart("2026-10-26", "Europe/Berlin")).toBe("2026-10-25T23:00:00.000Z");
  expect(dayStart("2026-11-23", "Asia/Kolkata")).toBe("2026-11-22T18:30:00.000Z");
});

test("filters become the server's parameters: days as a half-open span, a kind alone or with an id", () => {
  const query = parametersOf({ user: "weiss", kind: "Study", from: "2026-11-23", to: "2026-11-23" }, "UTC");
  expect(query.get("agent-name")).toBe("weiss");
  expect(query.get("entity")).toBeNull();
  expect(query.get("entity-type")).toBe("Study");
  expect(query.getAll("date")).toEqual(["ge2026-11-23T00:00:00.000Z", "lt2026-11-24T00:00:00.000Z"]);
  const one = parametersOf({ kind: "Study", id: "1.2.3" }, "UTC");
  expect([one.get("entity"), one.get("entity-type")]).toEqual(["Study/1.2.3", null]);
});

const event = (entity: AuditEvent["entity"], subtype: string, action: string): AuditEvent => ({
  resourceType: "AuditEvent",
  id: "1",
  recorded: "2026-11-23T10:00:00Z",
  action,
  subtype: [{ code: subtype }],
  outcome: "0",
  agent: [{ name: "Dr Weiss", altId: "weiss", role: [{ text: "radiologist" }], who: { identifier: { value: "a/weiss" } } }],
  source: { observer: { display: "Lenticular, dicomweb" } },
  entity,
});

test("an image is told by its UID, a resource by its reference, a search by its words", () => {
  const patient = { what: { reference: "Patient/p1" }, type: { code: "1" } };
  const study = tell(event([patient, { what: { identifier: { value: "urn:oid:1.2.3" }, display: "Study" }, type: { code: "2" } }], "retrieve", "R"));
  expect(study).toMatchObject({ who: "Dr Weiss", login: "weiss", whoAt: "a/weiss", way: "dicomweb", kind: "Study", entity: "1.2.3", patient: "p1" });
  expect(deed(study)).toBe("looked");
  const search = tell(event([{ type: { code: "2" }, name: "Patient" }, { type: { code: "2" }, query: btoa("name=M\u00c3\u00bcller") }], "search-type", "E"));
  expect(search).toMatchObject({ kind: "Patient", entity: "", query: "name=Müller" });
  expect(deed(search)).toBe("searched");
  expect(tell(event([{ what: { reference: "Observation/o1" }, type: { code: "2" } }], "read", "R"))).toMatchObject({ kind: "Observation", entity: "o1" });
  expect(tell({ ...event(undefined, "read", "R"), agent: [] })).toMatchObject({ who: "", kind: "" });
});
