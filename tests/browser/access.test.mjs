// Everybody can use every screen: axe in three colours and two widths, nothing sticks out on a phone, headings in order.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open, signIn, visit } from "./lib/browser.mjs";
import { axe, drawn, guard, outline, overflow, paint, troubles } from "./lib/checks.mjs";
import { LANGUAGES, screens, show, wizard } from "./lib/screens.mjs";
import { start } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const say = speaker("en");
const HEIGHT = 900;
let server;
let browser;
let all;
const visitors = new Map();

before(async () => {
  [server, browser] = await Promise.all([start("access"), open({ plain: true })]);
  all = await screens(server);
});

after(async () => {
  for (const visitor of visitors.values()) await visitor.leave();
  await browser?.close();
  await server?.stop();
});

/** One window for each role; those without a session get a new one, so that no session and no link is left over. */
async function visitorOf(role) {
  const kept = visitors.get(role);
  if (kept && role) return kept;
  await kept?.leave();
  const visitor = await guard(await visit(browser, server, { height: HEIGHT }));
  visitors.set(role, visitor);
  await visitor.page.emulateMedia({ reducedMotion: "reduce" });
  if (role) await signIn(visitor.page, server.user(role, "hospital-a"));
  return visitor;
}

function fine(found) {
  assert.ok(found.length === 0, `\n${found.join("\n")}`);
}

let examined = 0;

/** All that is asked of a screen that is open. */
async function examine(visitor, name) {
  const { page } = visitor;
  const found = new Map();
  const add = (where, words) => {
    for (const one of words) found.set(one, [...(found.get(one) ?? []), where]);
  };
  add("outline", await outline(page));
  add("light 1280", await axe(page));
  for (const scheme of ["dark", "reading"]) {
    await paint(page, scheme);
    add(`${scheme} 1280`, await axe(page, { colors: true }));
  }
  for (const width of [768, 390, 320]) {
    await page.setViewportSize({ width, height: HEIGHT });
    await drawn(visitor);
    add(`${width}`, await overflow(page));
    if (width !== 390) continue;
    // on a phone each screen is looked at in one of the schemes; what is the same on all of them is seen in each
    const scheme = ["light", "dark", "reading"][(examined += 1) % 3];
    await paint(page, scheme);
    add(`${scheme} 390`, await axe(page));
  }
  await page.setViewportSize({ width: 1280, height: HEIGHT });
  await paint(page, "light");
  add("page", troubles(visitor));
  return [...found].map(([words, places]) => `${name} (${places.join(", ")}): ${words}`);
}

// the list is made by the server that runs, so its names are asked for at the beginning of each test
const NAMES = `home home-clinician home-registrar home-administrator home-patient palette palette-found account-menu patients patients-none
patient-new patient patient-filtered patient-share patient-share-link record record-patient record-history record-json record-absent
studies studies-none studies-columns viewer viewer-keys viewer-measurements viewer-planes upload upload-report sharing sharing-incoming sharing-take-back tray conflict
conflict-other users users-add members members-add devices devices-add tokens tokens-add audit audit-none audit-administrator system
settings help not-found forbidden link link-ended login login-wrong setup-done`.split(/\s+/);

describe("every screen", () => {
  for (const name of NAMES) {
    test(name, async () => {
      const screen = all.find((one) => one.name === name);
      assert.ok(screen, `there is no screen ${name}`);
      const visitor = await visitorOf(screen.role);
      await show(visitor, screen, say, server.url);
      fine(await examine(visitor, name));
    });
  }

  test("the list above leaves none out", () => assert.deepEqual(all.map((screen) => screen.name).filter((name) => !NAMES.includes(name)), []));
});

describe("the sign-in page", () => {
  for (const language of LANGUAGES) {
    test(`in ${language}`, async () => {
      const visitor = await guard(await visit(browser, server, { language, height: HEIGHT }));
      try {
        for (const screen of all.filter(({ name }) => name.startsWith("login"))) {
          await show(visitor, screen, say, server.url);
          assert.equal(await visitor.page.evaluate(() => document.documentElement.lang), language === "zh" ? "zh-Hans" : language);
          fine(await examine(visitor, `${screen.name} ${language}`));
        }
      } finally {
        await visitor.leave();
      }
    });
  }
});

test("the first start, step by step", async () => {
  const empty = await start("access-empty", { command: "serve" });
  try {
    const secret = /\/setup#([\w-]+)/.exec(empty.said.join(""))?.[1];
    assert.ok(secret, "the server prints a set-up link");
    const visitor = await guard(await visit(browser, empty, { height: HEIGHT }));
    await visitor.page.emulateMedia({ reducedMotion: "reduce" });
    const found = [];
    for (const step of wizard(secret)) {
      await show(visitor, step, say, empty.url);
      found.push(...(await examine(visitor, step.name)));
    }
    await visitor.leave();
    fine(found);
  } finally {
    await empty.stop();
  }
});
