// The story without a mouse: only keys are pressed. The focus is always somewhere, and always seen.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open, visit } from "./lib/browser.mjs";
import { drawn, guard, troubles } from "./lib/checks.mjs";
import { ask, start } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const say = speaker("en");
let server;
let browser;
let visitor;
let page;
let patient;
/** The name of the other member. */
let other;
/** Where the focus was not seen, or was lost. */
const unseen = new Set();

before(async () => {
  [server, browser] = await Promise.all([start("keyboard"), open({ plain: true })]);
  visitor = await guard(await visit(browser, server, { trace: "keyboard" }));
  page = visitor.page;
  await page.emulateMedia({ reducedMotion: "reduce" });
  const token = server.sample.tokens.find((token) => token.org === "hospital-a").token;
  const bundle = await (await ask(server, token, `/fhir/Patient?identifier=${server.sample.mrn}`)).json();
  patient = bundle.entry[0].resource;
  const { members } = await (await ask(server, token, "/api/members")).json();
  other = members.find(({ id }) => id === "hospital-b").name;
});

after(async () => {
  await visitor?.leave();
  await browser?.close();
  await server?.stop();
});

/** What has the focus, and whether that can be seen: an outline, or a look that differs from the one without focus. */
async function focused() {
  return page.evaluate(() => {
    const at = document.activeElement;
    if (!at || at === document.body || at === document.documentElement) return { lost: true, words: "nothing", seen: false };
    const look = (element) => {
      const style = getComputedStyle(element);
      return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor, style.backgroundColor].join(" ");
    };
    const outlined = (element) => {
      const style = getComputedStyle(element);
      return style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) > 0;
    };
    // what shows the focus may be drawn around: the box of an input, the label of a radio button
    const around = [at, at.parentElement, at.closest("label"), at.nextElementSibling, at.closest('[class*="field"]')].filter(Boolean);
    const before = window.looks ?? new WeakMap();
    const seen = around.some(outlined) || around.some((element) => before.has(element) && before.get(element) !== look(element));
    const box = at.getBoundingClientRect();
    return {
      lost: false,
      seen,
      tag: at.tagName.toLowerCase(),
      id: at.id,
      role: at.getAttribute("role") ?? "",
      href: at.getAttribute("href") ?? "",
      words: (at.getAttribute("aria-label") || at.labels?.[0]?.textContent || at.textContent || "").replace(/\s+/g, " ").trim().slice(0, 160),
      dialog: at.closest('[role="dialog"]') !== null,
      within: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
  });
}

/** Remembers how everything looks without the focus. */
async function remember() {
  await page.evaluate(() => {
    const look = (element) => {
      const style = getComputedStyle(element);
      return [style.outlineStyle, style.outlineWidth, style.boxShadow, style.borderColor, style.backgroundColor].join(" ");
    };
    window.looks ??= new WeakMap();
    for (const element of document.querySelectorAll("a, button, input, select, textarea, summary, label, [tabindex], [class*=field], input + *, a + *")) {
      if (element === document.activeElement || element.contains(document.activeElement)) continue;
      if (!window.looks.has(element)) window.looks.set(element, look(element));
      if (element.parentElement && !window.looks.has(element.parentElement) && !element.parentElement.contains(document.activeElement)) window.looks.set(element.parentElement, look(element.parentElement));
    }
  });
}

const where = () => new URL(page.url()).pathname.replace(/[0-9.]{20,}|[0-9a-f-]{30,}/g, "…");

/** Presses Tab until `wanted` has the focus. */
async function tabTo(wanted, { key = "Tab", limit = 120, name = String(wanted) } = {}) {
  const seen = [];
  for (let step = 0; step < limit; step += 1) {
    await remember();
    await page.keyboard.press(key);
    const now = await focused();
    // after the last control the browser's own come, then the page again
    if (!now.lost) {
      if (!now.seen) unseen.add(`${where()}: ${now.tag} "${now.words}"`);
      if (!now.within) unseen.add(`${where()}: ${now.tag} "${now.words}" is outside the window`);
      if (wanted(now)) return now;
      seen.push(`${now.tag} ${now.role} "${now.words}"`);
    }
  }
  throw new Error(`no ${key} leads to ${name} on ${where()}:\n${[...new Set(seen)].join("\n")}`);
}

const named = (words) => Object.assign((now) => now.words === words || now.words.startsWith(`${words} `), { toString: () => words });

/** A key that leads to another page: the focus must be on it afterwards, so that a screen reader says where one is. */
async function go(key, path) {
  await page.keyboard.press(key);
  await page.waitForURL((url) => path.test(url.pathname));
  await drawn(visitor);
  await page.waitForFunction(() => document.activeElement !== document.body, undefined, { timeout: 3000 }).catch(() => undefined);
  const now = await focused();
  assert.equal(now.lost, false, `after ${key} led to ${where()} the focus is on nothing`);
}

async function palette(text, kind) {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").waitFor();
  assert.equal((await focused()).role, "combobox", "the palette's field has the focus");
  await page.keyboard.type(text);
  const group = page.getByRole("group", { name: say(`app:palette.groups.${kind}`), exact: true });
  const option = group.getByRole("option").first();
  await option.waitFor();
  await page.waitForFunction(() => document.querySelector('[role="listbox"]')?.getAttribute("aria-busy") !== "true");
  for (let step = 0; step < 30 && (await option.getAttribute("aria-selected")) !== "true"; step += 1) await page.keyboard.press("ArrowDown");
  assert.equal(await option.getAttribute("aria-selected"), "true", `arrow keys reach ${kind}`);
}

/** The dialog that opened keeps the focus to itself. */
async function trapped() {
  await page.waitForFunction(() => document.activeElement?.closest('[role="dialog"]'));
  for (const key of [...Array.from({ length: 14 }, () => "Tab"), ...Array.from({ length: 6 }, () => "Shift+Tab")]) {
    await remember();
    await page.keyboard.press(key);
    const now = await focused();
    // behind the last control of a modal <dialog> the browser's own come; the page around it is inert
    if (now.lost && (await page.evaluate(() => document.querySelector("dialog:modal") !== null))) continue;
    assert.ok(now.dialog, `${key} leaves the dialog for ${now.words}`);
    if (!now.seen) unseen.add(`dialog on ${where()}: ${now.tag} "${now.words}"`);
  }
}

test("signs in", async () => {
  const user = server.user("clinician", "hospital-a");
  await page.goto("/login?next=/");
  await remember();
  if ((await focused()).lost) await tabTo((now) => now.tag === "input", { name: "the user name" });
  await page.keyboard.type(user.login);
  await tabTo((now) => now.tag === "input", { name: "the password" });
  await page.keyboard.type(user.password);
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/");
  await drawn(visitor);
});

test("skips the navigation", async () => {
  const first = await tabTo(() => true);
  assert.equal(first.words, say("app:skip"));
  assert.equal(first.seen, true, "the skip link is seen when it has the focus");
  await page.keyboard.press("Enter");
  assert.equal((await focused()).id, "main");
  const next = await tabTo(() => true);
  assert.ok(await page.evaluate(() => document.activeElement.closest("main") !== null), `after the skip link comes ${next.words}`);
});

test("keys are silent while an input method composes", async () => {
  const opened = () => page.getByRole("dialog").count();
  const press = (init) => page.evaluate((values) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...values })), init);
  await press({ key: "/", isComposing: true });
  await press({ key: "k", ctrlKey: true, isComposing: true });
  await press({ key: "Process", keyCode: 229 });
  assert.equal(await opened(), 0);
  await press({ key: "/" });
  await page.getByRole("dialog").waitFor();
  // a real composition in the field: nothing is chosen by the Enter that ends it
  const session = await page.context().newCDPSession(page);
  await session.send("Input.imeSetComposition", { text: "wang", selectionStart: 4, selectionEnd: 4 });
  await press({ key: "Enter", isComposing: true });
  await press({ key: "ArrowDown", isComposing: true });
  assert.equal(await opened(), 1);
  assert.equal(new URL(page.url()).pathname, "/");
  await session.send("Input.insertText", { text: "王" });
  assert.equal(await page.getByRole("combobox").inputValue(), "王");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal((await focused()).lost, false, "the palette gives the focus back");
});

test("finds the patient by the palette", async () => {
  await palette(server.sample.mrn, "patients");
  await trapped();
  await page.getByRole("combobox").focus();
  await go("Enter", new RegExp(`^/patients/${patient.id}$`));
  assert.match(await page.getByRole("heading", { level: 1 }).innerText(), new RegExp(patient.name[0].family));
});

test("opens a study from the record", async () => {
  await tabTo((now) => now.tag === "a" && now.href.startsWith("/studies/"), { name: "a study", limit: 200 });
  await go("Enter", /^\/studies\/[\d.]+$/);
});

test("scrolls and windows in the viewer", async () => {
  await palette("chest", "studies");
  await page.keyboard.press("Escape");
  await page.goto(`/studies/${server.sample.study}`);
  await drawn(visitor);
  const words = () => page.getByTestId("panes").innerText();
  const [before, after] = [1, 2].map((number) => new RegExp(say("imaging:viewer.imageOf", { number, count: "\\d+" })));
  const shows = (form) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector('[data-testid="panes"]')?.innerText ?? ""), form.source);
  await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('[data-testid="panes"]')?.innerText ?? ""), say("imaging:viewer.imageOf", { number: "\\d+", count: "\\d+" }));
  await page.keyboard.press("Home");
  await shows(before);
  await page.keyboard.press("ArrowDown");
  await shows(after);
  const windows = new Set([await words()]);
  for (const preset of ["2", "3", "4"]) {
    await page.keyboard.press(preset);
    await page.waitForFunction((old) => document.querySelector('[data-testid="panes"]').innerText !== old, [...windows].pop(), { timeout: 3000 }).catch(() => undefined);
    windows.add(await words());
  }
  assert.ok(windows.size >= 3, `keys choose other windows: ${[...windows].map((text) => text.slice(-120)).join(" | ")}`);
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await trapped();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("shares with the other member", async () => {
  await page.goto("/patients");
  await drawn(visitor);
  await palette(server.sample.mrn, "patients");
  await go("Enter", new RegExp(`^/patients/${patient.id}$`));
  await tabTo(named(say("records:share")));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await drawn(visitor);
  await trapped();
  await tabTo((now) => now.role === "combobox" && now.words.startsWith(say("sharing:member.label")), { name: "the organisation" });
  await page.keyboard.type(other);
  await page.getByRole("option").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForFunction((name) => document.activeElement?.value === name, other);
  await tabTo(named(say("sharing:share")));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText(say("sharing:done.member", { member: other })).waitFor();
  await page.waitForFunction(() => document.activeElement !== document.body, undefined, { timeout: 3000 }).catch(() => undefined);
  assert.equal((await focused()).dialog, true, "the focus stays in the dialog when its content changes");
  await tabTo(named(say("sharing:done.close")));
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement !== document.body, undefined, { timeout: 3000 }).catch(() => undefined);
  const back = await focused();
  assert.equal(back.words, say("records:share"), "the focus is back on the button that opened the dialog");
});

test("takes it back", async () => {
  await tabTo((now) => now.href === "/sharing", { key: "Shift+Tab", name: "the navigation", limit: 200 });
  await go("Enter", /^\/sharing$/);
  const shares = page.getByTestId("share");
  const before = await shares.count();
  await tabTo((now) => now.tag === "button" && now.words.startsWith("Take back"), { name: "take back" });
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await trapped();
  await tabTo((now) => now.dialog && now.words === say("sharing:takeBack.yes"), { name: say("sharing:takeBack.yes") });
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.waitForFunction((count) => document.querySelectorAll('[data-testid="share"]').length === count - 1, before);
  await page.waitForFunction(() => document.activeElement !== document.body, undefined, { timeout: 3000 }).catch(() => undefined);
  assert.equal((await focused()).lost, false, "the row went away, the focus did not");
});

test("signs out", async () => {
  await tabTo((now) => now.tag === "button" && now.words.includes(say("app:userMenu", { name: "", member: "" }).split(":").pop().trim()), { key: "Shift+Tab", name: "the account menu", limit: 200 });
  await page.keyboard.press("Enter");
  await page.getByRole("menu").waitFor();
  await page.waitForFunction(() => document.activeElement?.closest('[role="menu"]'));
  for (let step = 0; step < 20 && (await focused()).words !== say("app:signOut"); step += 1) await page.keyboard.press("ArrowDown");
  assert.equal((await focused()).words, say("app:signOut"));
  await page.keyboard.press("Enter");
  await page.waitForURL((url) => url.pathname === "/login");
});

test("the focus was seen at every step, and nothing failed", () => {
  assert.ok(unseen.size === 0, `\n${[...unseen].join("\n")}`);
  const found = troubles(visitor);
  assert.ok(found.length === 0, `\n${found.join("\n")}`);
});
