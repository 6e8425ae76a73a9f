// Everybody can use every screen: axe in three colours and two widths, nothing sticks out on a phone, headings in order.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open, signIn, visit } from "./lib/browser.mjs";
import { axe, drawn, guard, outline, overflow, paint, troubles } from "./lib/checks.mjs";
import { LANGUAGES, SCHEMES, screens, wizard } from "./lib/screens.mjs";
import { start } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const say = speaker("en");
const HEIGHT = 900;
let server;
let browser;
let all;
const visitors = new Map();

before(async () => {
  [server, browser] = await Promise.all([start("access"), open()]);
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

/** All that is asked of a screen that is open. */
async function examine(visitor, name) {
  const { page } = visitor;
  const found = new Map();
  const add = (where, words) => {
    for (const one of words) found.set(one, [...(found.get(one) ?? []), where]);
  };
  add("outline", await outline(page));
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const scheme of SCHEMES) {
      await paint(page, scheme);
      if (scheme === "light") await drawn(visitor);
      add(`${scheme} ${width}`, await axe(page));
    }
  }
  for (const width of [768, 390, 320]) {
    await page.setViewportSize({ width, height: HEIGHT });
    await drawn(visitor);
    add(`${width}`, await overflow(page));
  }
  await page.setViewportSize({ width: 1280, height: HEIGHT });
  await paint(page, "light");
  add("page", troubles(visitor));
  return [...found].map(([words, places]) => `${name} (${places.join(", ")}): ${words}`);
}

async function show(visitor, { path, open: lead }, speak = say) {
  await visitor.page.setViewportSize({ width: 1280, height: HEIGHT });
  if (path) {
    // an address that differs in its fragment alone would not be loaded again
    await visitor.page.goto("about:blank");
    await visitor.page.goto(new URL(path, visitor.base ?? server.url).href);
    await drawn(visitor);
  }
  await lead?.(visitor.page, speak);
  await drawn(visitor);
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
      await show(visitor, screen);
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
          await show(visitor, screen);
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
    visitor.base = empty.url;
    await visitor.page.emulateMedia({ reducedMotion: "reduce" });
    const found = [];
    for (const step of wizard(secret)) {
      await show(visitor, step);
      found.push(...(await examine(visitor, step.name)));
    }
    await visitor.leave();
    fine(found);
  } finally {
    await empty.stop();
  }
});
