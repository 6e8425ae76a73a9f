import i18next from "i18next";
import { renderToStaticMarkup } from "react-dom/server";
import { initReactI18next } from "react-i18next";
import { beforeAll, expect, test } from "vitest";
import { LANGUAGES, type Language } from "../app/i18n.ts";
import type { AuditEvent } from "./api.ts";
import { tell } from "./event.ts";
import { Sentence } from "./Sentence.tsx";

const files = import.meta.glob<Record<string, unknown>>("/src/audit/locales/*.json", { eager: true, import: "default" });

beforeAll(async () => {
  const resources = Object.fromEntries(LANGUAGES.map((language) => [language, { audit: files[`/src/audit/locales/${language}.json`] ?? {} }]));
  await i18next.use(initReactI18next).init({ resources, fallbackLng: false, interpolation: { escapeValue: false } });
});

type Entity = NonNullable<AuditEvent["entity"]>[number];
const kind = (name: string): Entity => ({ type: { code: "2" }, role: { code: "4" }, name });
const asked = (query: string): Entity => ({ type: { code: "2" }, role: { code: "24" }, query: btoa(query) });
const patient: Entity = { type: { code: "1" }, what: { reference: "Patient/p1" } };
const study: Entity = { type: { code: "2" }, what: { identifier: { value: "urn:oid:1.2.3" }, display: "Study" } };

interface Case {
  entity?: Entity[];
  does: [action: string, interaction: string];
  outcome?: string;
  name?: string;
}

async function words(language: Language, { entity, does: [action, interaction], outcome = "0", name }: Case): Promise<string> {
  await i18next.changeLanguage(language);
  const event: AuditEvent = {
    resourceType: "AuditEvent",
    id: "1",
    recorded: "2026-11-23T10:00:00Z",
    action,
    subtype: [{ code: interaction }],
    outcome,
    agent: [{ name: "Dr Adam Barlow", altId: "adam", role: [{ text: "clinician" }], who: { identifier: { value: "a/adam" } } }],
    source: { observer: { display: "Lenticular, app" } },
    entity,
  };
  const markup = renderToStaticMarkup(<Sentence told={tell(event)} patientName={name} />);
  return markup.replaceAll(/<[^>]+>/g, "");
}

const opened: Case = { entity: [patient, study], does: ["R", "retrieve"], name: "Eva Berg" };
const listed: Case = { entity: [kind("Token")], does: ["R", "search-type"] };
const searched: Case = { entity: [kind("Observation"), asked("code=718-7")], does: ["E", "search-type"] };
const refused: Case = { entity: [kind("User")], does: ["D", "delete"], outcome: "4" };
const exported: Case = { entity: [kind("AuditEvent"), asked("date=ge2026")], does: ["E", "export"] };

test("each entry is a sentence that says of what kind it is", async () => {
  expect(await words("en", opened)).toBe("Dr Adam Barlow viewed a study of Eva Berg");
  expect(await words("en", listed)).toBe("Dr Adam Barlow viewed a list of tokens");
  expect(await words("en", searched)).toBe("Dr Adam Barlow searched for observations");
  expect(await words("en", refused)).toBe("Dr Adam Barlow tried to remove a user");
  expect(await words("en", exported)).toBe("Dr Adam Barlow downloaded the audit log");
  expect(await words("en", { entity: [kind("Claim")], does: ["E", "search-type"] })).toContain("Claim");
});

test("in every language", async () => {
  expect(await words("de", opened)).toBe("Dr Adam Barlow hat eine Studie von Eva Berg angesehen");
  expect(await words("de", listed)).toBe("Dr Adam Barlow hat eine Liste von Zugriffsschlüsseln angesehen");
  expect(await words("de", searched)).toBe("Dr Adam Barlow hat nach Messwerten gesucht");
  expect(await words("de", refused)).toBe("Dr Adam Barlow wollte ein Benutzerkonto entfernen");
  expect(await words("zh", opened)).toBe("Dr Adam Barlow 查看了Eva Berg 的检查");
  expect(await words("zh", listed)).toBe("Dr Adam Barlow 查看了访问令牌列表");
  expect(await words("zh", refused)).toBe("Dr Adam Barlow 试图移除用户");
});

test("what somebody is called stays text", async () => {
  expect(await words("en", { ...opened, name: "<img src=x>" })).toBe("Dr Adam Barlow viewed a study of &lt;img src=x&gt;");
});
