import { describe, expect, it } from "vitest";
import { fromDocument, fromLines } from "./bundles.ts";
import { cell } from "./report.ts";
import { outcomes } from "./stow.ts";

const text = async (part: { request: { body: Blob } | null }) => (await part.request?.body.text()) ?? "";

describe("FHIR files become requests that can be repeated", () => {
  it("creates a resource under its own id, once, and keeps its digits", async () => {
    const part = fromDocument('\ufeff {"resourceType":"Observation","id":"o1","valueQuantity":{"value":1.00}}', () => "made");
    expect(await text(part)).toContain('"request":{"method":"PUT","url":"Observation/o1","ifNoneMatch":"*"}');
    expect(await text(part)).toContain('"value":1.00}');
  });

  it("gives an id to what has none", async () => {
    const sent = JSON.parse(await text(fromDocument('{"resourceType":"Patient"}', () => "made"))) as { entry: { resource: { id: string } }[] };
    expect(sent.entry[0]?.resource.id).toBe("made");
  });

  it("resolves references of a collection within one transaction", async () => {
    const uuid = "urn:uuid:0b6e2ec5-6a31-4e0c-a3a1-0d6f1a6b1a01";
    const part = fromDocument(JSON.stringify({ resourceType: "Bundle", type: "collection", entry: [{ fullUrl: uuid, resource: { resourceType: "Patient", id: "other" } }] }), () => "made");
    expect(part.request?.whole).toBe(true);
    const sent = JSON.parse(await text(part)) as { entry: { request: { url: string }; resource: { id: string } }[] };
    expect(sent.entry[0]?.request.url).toBe("Patient/0b6e2ec5-6a31-4e0c-a3a1-0d6f1a6b1a01");
    expect(sent.entry[0]?.resource.id).toBe("0b6e2ec5-6a31-4e0c-a3a1-0d6f1a6b1a01");
  });

  it("leaves entries alone that say what they want", async () => {
    const entry = { request: { method: "DELETE", url: "Patient/1" } };
    const part = fromDocument(JSON.stringify({ resourceType: "Bundle", type: "transaction", entry: [entry] }), () => "made");
    expect(JSON.parse(await text(part))).toEqual({ resourceType: "Bundle", type: "transaction", entry: [entry] });
  });

  it("refuses what is no FHIR", () => {
    expect(fromDocument("{", () => "x").problem).toBe("jsonBroken");
    expect(fromDocument('{"a":1}', () => "x").problem).toBe("notFhir");
    expect(fromDocument('{"resourceType":"../x"}', () => "x").problem).toBe("notFhir");
    expect(fromLines(['{"resourceType":"Patient","id":"1"}', "nonsense", ""], () => "x").broken).toBe(1);
  });
});

describe("answers and reports", () => {
  it("tells stored, waiting and refused objects apart", () => {
    const answer = {
      "00081199": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.1"] } }, { "00081155": { vr: "UI", Value: ["1.2"] }, "00081196": { vr: "US", Value: [0xb000] } }] },
      "00081198": { vr: "SQ", Value: [{ "00081155": { vr: "UI", Value: ["1.3"] }, "00081197": { vr: "US", Value: [0x0110] } }] },
    };
    expect(outcomes(JSON.stringify(answer))?.map((one) => [one.sop, one.outcome, one.reason])).toEqual([
      ["1.1", "stored", undefined],
      ["1.2", "conflict", "B000"],
      ["1.3", "refused", "0110"],
    ]);
    expect(outcomes('{"error":"x"}')).toBeNull();
  });

  it("lets no cell be a formula", () => {
    expect(cell('=HYPERLINK("x")')).toBe('"\'=HYPERLINK(""x"")"');
    expect(cell("a\nb")).toBe('"a\nb"');
  });
});
