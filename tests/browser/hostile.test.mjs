// Text from outside is text everywhere: markup, scripts, links, marks of direction, lengths. Nothing runs, nothing breaks.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open, signIn, visit } from "./lib/browser.mjs";
import { drawn, guard, overflow, troubles } from "./lib/checks.mjs";
import { file, uid } from "./lib/dicom.mjs";
import { show } from "./lib/screens.mjs";
import { ask, start, stow } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const say = speaker("en");
const IMAGE = `<img src=x onerror="pwn('img')">`;
const SCRIPT = `"><script>pwn('script')</script>`;
const SVG = `<svg/onload=pwn('svg')>`;
const LINK = "javascript:pwn('link')";
const TEMPLATE = "{{constructor.constructor('pwn(1)')()}} ${pwn('template')}";
const OVERRIDE = "\u202Eecila\u2066 \u200Bzero\u200D\uFEFF width";
const LONG = `Long${"Ä".repeat(2400)} ${"wide ".repeat(519)}`.slice(0, 5000);
const NARRATIVE = `<div xmlns="http://www.w3.org/1999/xhtml"><p>Kept <b>words</b></p><a href="https://elsewhere.example/x">away</a><img src="https://elsewhere.example/y.png" alt="picture"/></div>`;
const WORST = `<div xmlns="http://www.w3.org/1999/xhtml"><script>pwn('narrative')</script><iframe src="https://elsewhere.example/"></iframe><style>body{display:none}</style><img src="https://elsewhere.example/z" onerror="pwn('narrative')"/><p onclick="pwn('p')">Kept words</p></div>`;

let server;
let browser;
let token;
const made = { patients: [], records: [], study: "", shares: [] };

async function write(type, resource) {
  const response = await fetch(`${server.url}/fhir/${type}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/fhir+json", Prefer: "return=representation" },
    body: JSON.stringify({ resourceType: type, ...resource }),
  });
  // what the server refuses is not stored, and needs no screen; refused with words, not with a failure
  if (!response.ok) {
    assert.ok(response.status < 500, `${type}: ${response.status} ${await response.text()}`);
    return null;
  }
  return response.json();
}

before(async () => {
  [server, browser] = await Promise.all([start("hostile"), open({ plain: true })]);
  token = server.sample.tokens.find((token) => token.org === "hospital-a").token;
  const names = [IMAGE, SCRIPT, SVG, LINK, TEMPLATE, OVERRIDE, LONG];
  for (const [at, family] of names.entries()) {
    const patient = await write("Patient", {
      identifier: [{ system: "urn:oid:2.25.66", value: at === 6 ? "HOSTILE-LONG" : `HOSTILE-${at}${at < 3 ? names[at] : ""}` }],
      name: [{ family, given: ["Hostile", IMAGE], text: `${family} Hostile` }],
      gender: "other",
      birthDate: "1961-02-03",
      telecom: [{ system: "url", value: LINK }, { system: "email", value: `${SCRIPT}@example.org` }, { system: "phone", value: LONG }],
      address: [{ line: [IMAGE, LONG], city: OVERRIDE, country: SVG }],
      text: { status: "additional", div: NARRATIVE },
    });
    assert.ok(patient, `a patient called ${family.slice(0, 30)} is stored`);
    made.patients.push(patient.id);
  }
  const [patient] = made.patients;
  const subject = { reference: `Patient/${patient}`, display: IMAGE };
  const code = { coding: [{ system: LINK, code: "x", display: SCRIPT }], text: `${IMAGE} ${LONG.slice(0, 800)}` };
  const records = [
    ["Observation", { status: "final", code, subject, effectiveDateTime: "2026-01-02T03:04:05Z", valueString: `${SVG} ${LONG}`, note: [{ text: SCRIPT }], text: { status: "additional", div: WORST } }],
    ["Observation", { status: "final", code, subject, effectiveDateTime: "2026-01-03T03:04:05Z", valueString: TEMPLATE, text: { status: "additional", div: NARRATIVE } }],
    ["Condition", { code, subject, clinicalStatus: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/condition-clinical", code: "active" }] }, recordedDate: "2026-01-02" }],
    ["AllergyIntolerance", { code, patient: subject, criticality: "high", clinicalStatus: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", code: "active" }] } }],
    ["MedicationRequest", { status: "active", intent: "order", medicationCodeableConcept: code, subject, authoredOn: "2026-01-02", dosageInstruction: [{ text: SCRIPT }] }],
    [
      "DocumentReference",
      {
        status: "current", subject, description: IMAGE, date: "2026-01-02T03:04:05Z", type: code,
        content: [
          { attachment: { contentType: "text/html", title: `${IMAGE}.html`, data: Buffer.from(`<script>pwn('file')</script>`).toString("base64") } },
          { attachment: { contentType: "image/svg+xml", title: OVERRIDE, data: Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" onload="pwn('svg file')"/>`).toString("base64") } },
          { attachment: { contentType: "application/pdf", title: SCRIPT, url: LINK } },
          { attachment: { contentType: "image/png", title: LONG, url: "https://elsewhere.example/picture.png" } },
        ],
      },
    ],
    ["DiagnosticReport", { status: "final", code, subject, effectiveDateTime: "2026-01-02T03:04:05Z", conclusion: WORST, presentedForm: [{ contentType: "text/html", url: LINK, title: IMAGE }] }],
  ];
  for (const [type, resource] of records) {
    const stored = await write(type, resource);
    if (stored) made.records.push([type, stored.id]);
  }
  assert.ok(made.records.length >= 5, `only ${made.records.map(([type]) => type)} were stored`);
  // a second version, so that there is a difference to look at
  const first = await (await ask(server, token, `/fhir/Patient/${patient}`)).json();
  await ask(server, token, `/fhir/Patient/${patient}`, {
    method: "PUT",
    headers: { "Content-Type": "application/fhir+json" },
    body: JSON.stringify({ ...first, name: [{ family: SCRIPT, given: [SVG] }], address: [{ line: [TEMPLATE] }] }),
  });
  made.study = uid();
  const series = uid();
  const changed = { "0020000D": made.study, "0020000E": series, "00100010": `${IMAGE}^${SCRIPT}`, "00100020": "HOSTILE-DICOM", "00081030": IMAGE, "0008103E": `${SVG}${OVERRIDE}`, "00080050": "<b>acc</b>", "00080080": SCRIPT, "00080090": "<i>Dr^Evil", "00104000": LONG };
  const same = uid();
  const long = { ...changed, "0020000D": uid(), "0020000E": uid(), "00100010": LONG.slice(0, 4000), "00100020": "HOSTILE-LONG", "00081030": LONG, "0008103E": LONG };
  await stow(server, token, [file({ ...changed, "00080018": same }), file({ ...changed, "00200013": "2" }), file(long)]).catch((error) => {
    // lengths beyond PS3.5 may be refused; then nothing is stored
    if (!/40[09]|409/.test(String(error))) throw error;
  });
  // the same instance with other pixels and another name: a conflict
  const contradicting = file({ ...changed, "00080018": same, "00100010": `${SVG}^${TEMPLATE}`, "00281050": "5" });
  await stow(server, token, [contradicting]).catch(() => undefined);
  for (const to of ["hospital-b", undefined])
    await ask(server, token, "/api/shares", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ study: made.study, to, expires: new Date(Date.now() + 86_400_000).toISOString() }) });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a screen; nothing may have run, been asked for elsewhere, or failed, and what is there can be used. */
async function harmless(visitor, path, { holds, act } = {}) {
  const { page } = visitor;
  await page.setViewportSize({ width: 1280, height: 900 });
  await show(visitor, { path, open: act }, say, server.url);
  // a pointer over everything that could be waiting for one
  for (const title of await page.locator("main [title]").all().then((all) => all.slice(0, 2))) await title.hover({ timeout: 500 }).catch(() => undefined);
  const found = [];
  const shown = await page.evaluate(() => document.body.innerText);
  for (const text of holds ?? []) if (!shown.includes(text)) found.push(`${path} does not show ${text} as text`);
  const smuggled = await page.evaluate(() => ({
    elements: document.querySelectorAll("body img[onerror], body [onload], body [onclick], iframe, body script:not([src]), object, embed").length,
    links: [...document.querySelectorAll("[href], [src], [action]")].filter((element) => /^\s*(javascript|vbscript|data:text)/i.test(element.getAttribute("href") ?? element.getAttribute("src") ?? element.getAttribute("action") ?? "")).length,
    away: [...document.querySelectorAll("[src], link[href]")].filter((element) => /^https?:/.test(element.getAttribute("src") ?? "") && !element.src.startsWith(location.origin)).length,
    hidden: getComputedStyle(document.body).display === "none",
  }));
  if (smuggled.elements) found.push(`${path}: ${smuggled.elements} elements came out of text`);
  if (smuggled.links) found.push(`${path}: ${smuggled.links} links would run a script`);
  if (smuggled.away) found.push(`${path}: ${smuggled.away} things are asked for elsewhere`);
  if (smuggled.hidden) found.push(`${path}: a style of the text hides the page`);
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 900 });
    await drawn(visitor);
    found.push(...(await overflow(page)).map((words) => `${path} ${width}: ${words}`));
  }
  found.push(...troubles(visitor).map((words) => `${path}: ${words}`));
  // the page still answers
  assert.equal(await page.evaluate(() => 1 + 1), 2);
  return found;
}

const fine = (found) => assert.ok(found.length === 0, `\n${found.join("\n")}`);

/** Marks that turn the direction do so within an element of their own alone. */
async function isolated(page) {
  return page.evaluate(() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!/[\u202A-\u202E\u2066-\u2069]/.test(node.data) || !node.parentElement.checkVisibility() || node.parentElement.closest("script, style")) continue;
      let at = node.parentElement;
      while (at && !/isolate|plaintext/.test(getComputedStyle(at).unicodeBidi) && getComputedStyle(at).display === "inline") at = at.parentElement;
      const isolates = at && (/isolate|plaintext/.test(getComputedStyle(at).unicodeBidi) || at.textContent.trim() === node.data.trim() || at.closest("[dir=auto], pre"));
      if (!isolates) found.push(`"${node.data.slice(0, 60)}" in ${at?.outerHTML.slice(0, 120)}`);
    }
    return found;
  });
}

describe("hostile text", () => {
  let clinician;

  before(async () => {
    clinician = await guard(await visit(browser, server, { height: 900 }));
    await signIn(clinician.page, server.user("clinician", "hospital-a"));
  });
  after(() => clinician?.leave());

  test("in the list of patients", async () => {
    fine(await harmless(clinician, "/patients?q=Hostile", { holds: ["<svg/onload"] }));
    fine(await harmless(clinician, `/patients?q=${encodeURIComponent(IMAGE)}`));
    fine(await isolated(clinician.page));
  });

  test("in patients", async () => {
    for (const id of made.patients) fine(await harmless(clinician, `/patients/${id}`));
    fine(await isolated(clinician.page));
  });

  test("in records, their JSON and their history", async () => {
    for (const [type, id] of [["Patient", made.patients[0]], ["Patient", made.patients[6]], ...made.records])
      for (const view of ["", "?view=json", "?view=history"]) fine(await harmless(clinician, `/records/${type}/${id}${view}`));
    fine(await harmless(clinician, `/records/Patient/${made.patients[0]}`, { holds: [SVG] }));
  });

  test("in narrative", async () => {
    for (const [type, id] of made.records.filter(([type]) => type === "Observation")) {
      fine(await harmless(clinician, `/records/${type}/${id}`));
      assert.equal(await clinician.page.getByText("Kept").count() > 0, true, "the words of a narrative are shown");
    }
  });

  test("in files: markup is saved, never opened", async () => {
    const document = made.records.find(([type]) => type === "DocumentReference");
    if (!document) return assert.fail("no DocumentReference was stored");
    fine(
      await harmless(clinician, `/records/DocumentReference/${document[1]}`, {
        act: async (page) => {
          for (const button of await page.locator("main").getByRole("button", { name: new RegExp(`${say("records:download")}|${say("records:showPicture")}`) }).all()) {
            const saved = page.waitForEvent("download", { timeout: 3000 }).catch(() => null);
            await button.click();
            const download = await saved;
            if (download) assert.doesNotMatch(download.suggestedFilename(), /[<>:"/\\|?*\u202E]/);
          }
        },
      }),
    );
  });

  test("in studies", async () => {
    fine(await harmless(clinician, "/studies?mrn=HOSTILE-DICOM", { holds: ["<img src=x"] }));
    fine(await harmless(clinician, "/studies?mrn=HOSTILE-LONG"));
    fine(await isolated(clinician.page));
  });

  test("in the viewer", async () => {
    fine(
      await harmless(clinician, `/studies/${made.study}`, {
        act: (page) => page.waitForFunction(() => document.body.innerText.includes("<img src=x")),
      }),
    );
    fine(await isolated(clinician.page));
  });

  test("in shares, the tray and conflicts", async () => {
    fine(await harmless(clinician, "/sharing", { holds: ["<img src=x"] }));
    fine(await harmless(clinician, "/tray"));
    const { conflicts } = await (await ask(server, token, "/api/conflicts")).json();
    const ours = conflicts.filter(({ study }) => study === made.study);
    assert.ok(ours.length > 0, "the changed instance is in the tray");
    for (const { id } of ours) fine(await harmless(clinician, `/tray/${id}`));
  });

  test("in the audit log", async () => {
    fine(await harmless(clinician, "/audit"));
    fine(await harmless(clinician, `/audit?user=${encodeURIComponent(IMAGE)}`));
  });

  test("in the palette", async () => {
    for (const text of ["HOSTILE", "Hostile", "<img", IMAGE, LONG.slice(0, 150)])
      fine(
        await harmless(clinician, "/", {
          act: async (page) => {
            await page.keyboard.press("Control+k");
            await page.getByRole("combobox").fill(text);
          },
        }),
      );
  });

  test("in dialogs that name what is shared", async () => {
    for (const id of [made.patients[0], made.patients[6]])
      fine(
        await harmless(clinician, `/patients/${id}`, {
          act: async (page) => {
            await page.getByRole("button", { name: say("records:share"), exact: true }).first().click();
            await page.getByRole("dialog").waitFor();
          },
        }),
      );
  });

  test("in the names of uploaded files", async () => {
    const study = { "0020000D": uid(), "0020000E": uid(), "00100010": `${IMAGE}^Upload`, "00100020": "HOSTILE-UP", "00081030": `${SVG}${OVERRIDE}` };
    fine(
      await harmless(clinician, "/upload", {
        act: async (page) => {
          await page.locator("input[type=file]").first().setInputFiles([
            { name: `<img src=x onerror=pwn('name')>.dcm`, mimeType: "application/dicom", buffer: file(study) },
            { name: `"><svg onload=pwn('name')>.txt`, mimeType: "text/html", buffer: Buffer.from("<script>pwn('content')</script>") },
            { name: `\u202Etxt.exe ${"n".repeat(200)}.json`, mimeType: "application/json", buffer: Buffer.from(JSON.stringify({ resourceType: "Patient", birthDate: IMAGE, name: [{ family: IMAGE }] })) },
          ]);
          await page.waitForFunction(() => document.querySelector('[data-testid="upload-total"] [role=progressbar]')?.getAttribute("aria-valuenow") === "100");
        },
      }),
    );
    fine(await isolated(clinician.page));
  });

  test("at the other member, which it was shared with", async () => {
    const other = await guard(await visit(browser, server, { height: 900 }));
    try {
      await signIn(other.page, server.user("clinician", "hospital-b"));
      for (const path of ["/", "/sharing?tab=incoming", "/studies", `/studies/${made.study}`]) fine(await harmless(other, path));
    } finally {
      await other.leave();
    }
  });

  test("in addresses", async () => {
    for (const path of [
      `/patients?q=${encodeURIComponent(SCRIPT)}`,
      `/studies?description=${encodeURIComponent(IMAGE)}`,
      `/records/${encodeURIComponent("<img>")}/x`,
      `/records/Patient/${encodeURIComponent(IMAGE)}`,
      `/patients/${encodeURIComponent(SCRIPT)}`,
      `/${encodeURIComponent(SVG)}`,
    ])
      fine(await harmless(clinician, path));
  });

  test("on the sign-in page", async () => {
    const guest = await guard(await visit(browser, server, { height: 900 }));
    try {
      fine(await harmless(guest, `/login?next=${encodeURIComponent(LINK)}&lang=${encodeURIComponent(SCRIPT)}`));
      fine(
        await harmless(guest, `/login?next=${encodeURIComponent("//elsewhere.example/")}`, {
          act: async (page) => {
            await page.locator("input[name=login]").fill(SCRIPT);
            await page.locator("input[name=password]").fill(IMAGE);
            await page.locator("form button[type=submit]").first().click();
            await page.locator("[role=alert]").waitFor();
          },
        }),
      );
      const user = server.user("clinician", "hospital-a");
      for (const next of ["//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example", LINK]) {
        await guest.page.goto(`${server.url}/login?next=${encodeURIComponent(next)}`);
        await guest.page.locator("input[name=login]").fill(user.login);
        await guest.page.locator("input[name=password]").fill(user.password);
        await guest.page.locator("form button[type=submit]").first().click();
        await guest.page.waitForURL((url) => url.pathname !== "/login");
        assert.equal(new URL(guest.page.url()).origin, server.url, `next=${next} stays here`);
        await guest.context.clearCookies();
      }
      fine(troubles(guest));
    } finally {
      await guest.leave();
    }
  });
});
