// How quick the app is around the viewer: what is sent, when the first words stand, what moves, how long a click takes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { note, open, signIn, visit } from "./lib/browser.mjs";
import { drawn, guard } from "./lib/checks.mjs";
import { median, measuredAgain } from "./lib/measure.mjs";
import { ask, start } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const SHELL_BYTES = 250_000;
const FIRST_PAINT_MS = 1500;
const SHIFT = 0.1;
const PALETTE_MS = 100;
const RESULTS_MS = 200;
const INTERACTION_MS = 200;
/** How often a thing is done whose median counts. */
const ROUNDS = 5;

const say = speaker("en");
const measured = {};
let server;
let browser;
let patient;

before(async () => {
  [server, browser] = await Promise.all([start("budgets"), open()]);
  const token = server.sample.tokens.find((token) => token.org === "hospital-a").token;
  const bundle = await (await ask(server, token, `/fhir/Patient?identifier=${server.sample.mrn}`)).json();
  patient = bundle.entry[0].resource.id;
});

after(async () => {
  note("budgets-shell", measured);
  await browser?.close();
  await server?.stop();
});

/** A window that keeps its layout shifts and the time each event took until the next picture. */
async function watched(role = "clinician", options = {}) {
  const visitor = await guard(await visit(browser, server, options));
  await visitor.context.addInitScript(() => {
    window.shifts = [];
    window.events = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        if (!entry.hadRecentInput) window.shifts.push({ value: entry.value, at: entry.startTime, what: entry.sources.map(({ node }) => node?.nodeType === 1 ? `${node.tagName} ${node.className}`.slice(0, 80) : "").join(", ") });
    }).observe({ type: "layout-shift", buffered: true });
    new PerformanceObserver((list) => {
      for (const { name, duration, interactionId } of list.getEntries()) if (interactionId) window.events.push({ name, duration });
    }).observe({ type: "event", buffered: true, durationThreshold: 16 });
  });
  if (role) await signIn(visitor.page, server.user(role, "hospital-a"));
  await drawn(visitor);
  return visitor;
}

/** The scripts and styles that a signed-in person waits for, with nothing in the cache. */
async function waitedFor(path) {
  const visitor = await guard(await visit(browser, server));
  try {
    // the palette is fetched once nobody waits for anything
    await visitor.context.addInitScript(() => {
      window.requestIdleCallback = () => 0;
    });
    const { login, password } = server.user("clinician", "hospital-a");
    await visitor.context.request.post(`${server.url}/login`, { form: { login, password, next: "/" }, headers: { Origin: server.url }, maxRedirects: 0 });
    const files = new Set();
    visitor.page.on("response", (response) => {
      const { pathname } = new URL(response.url());
      if (/\.(js|css)$/.test(pathname)) files.add(pathname);
    });
    await visitor.page.goto(path);
    await visitor.page.getByRole("navigation", { name: say("app:navigation") }).waitFor();
    await drawn(visitor);
    return files;
  } finally {
    await visitor.leave();
  }
}

test("the shell is small", async () => {
  const [home, ...others] = await Promise.all(["/", "/help", "/patients"].map(waitedFor));
  // each screen is fetched by itself: the shell is what all of them have
  const shell = [...home].filter((path) => others.every((files) => files.has(path)));
  const sizes = await Promise.all(shell.map(async (path) => [path, await wire(path)]));
  sizes.sort((a, b) => b[1] - a[1]);
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  measured.shellBytes = total;
  measured.shellFiles = Object.fromEntries(sizes);
  assert.ok(total > 50_000, `only ${total} bytes were seen`);
  assert.ok(![...home].some((path) => /cornerstone|Reader|viewer/i.test(path)), `the viewer is not fetched for the start page: ${[...home].join(" ")}`);
  assert.ok(total <= SHELL_BYTES, `${total} bytes: ${sizes.slice(0, 12).map(([path, bytes]) => `${path} ${bytes}`).join(", ")}`);
});

/** How many bytes a file is, sent with gzip. */
async function wire(path) {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const asked = request(server.url + path, { headers: { "Accept-Encoding": "gzip" } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode}`));
      if (response.headers["content-encoding"] !== "gzip" && Number(response.headers["content-length"]) > 2000) reject(new Error(`${path} is not compressed`));
      let bytes = 0;
      response.on("data", (part) => {
        bytes += part.length;
      });
      response.on("end", () => resolve(bytes));
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("files with a hash in their name are kept for good", async () => {
  const page = await (await fetch(`${server.url}/login`, { headers: { Accept: "text/html" } })).text();
  assert.match(page, /<form/);
  const index = await (await fetch(`${server.url}/`, { headers: { Accept: "text/html" } })).text();
  const script = /src="(\/assets\/[^"]+)"/.exec(index)?.[1];
  assert.ok(script, "the app's script has a hash in its name");
  const answer = await fetch(server.url + script);
  assert.match(answer.headers.get("cache-control") ?? "", /immutable/);
});

test("the first words stand early", measuredAgain(async () => {
  const found = {};
  const runs = ["/login", "/", "/patients", "/studies"].flatMap((path) => [path, path, path]);
  for (const path of runs) {
    // each with nothing in the cache
    const visitor = await guard(await visit(browser, server));
    try {
      if (path !== "/login") {
        const { login, password } = server.user("clinician", "hospital-a");
        await visitor.context.request.post(`${server.url}/login`, { form: { login, password, next: "/" }, headers: { Origin: server.url }, maxRedirects: 0 });
      }
      await visitor.page.goto(path);
      await drawn(visitor);
      const ms = await visitor.page.evaluate(() => Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Infinity));
      found[path] = [...(found[path] ?? []), ms];
    } finally {
      await visitor.leave();
    }
  }
  measured.firstContentfulPaint = found;
  for (const [path, ms] of Object.entries(found)) assert.ok(median(ms) <= FIRST_PAINT_MS, `${path}: ${ms.join(", ")} ms`);
}));

test("nothing moves while a screen is loaded", async () => {
  const found = {};
  const paths = {
    clinician: ["/", "/patients", `/patients/${patient}`, "/studies", "/upload", "/sharing", "/tray", "/audit", "/settings", "/help", `/records/Patient/${patient}`],
    administrator: ["/", "/admin/users", "/admin/members", "/admin/devices", "/admin/tokens", "/system"],
  };
  for (const [role, list] of Object.entries(paths)) {
    for (const width of [1280, 390]) {
      const visitor = await watched(role, { width });
      try {
        for (const path of list) {
          await visitor.page.goto(path);
          await drawn(visitor, { quiet: 400 });
          const shifts = await visitor.page.evaluate(() => window.shifts);
          const total = shifts.reduce((sum, { value }) => sum + value, 0);
          found[`${role} ${width} ${path.replace(patient, "…")}`] = { total: Math.round(total * 1000) / 1000, what: shifts.sort((a, b) => b.value - a.value)[0]?.what ?? "" };
        }
      } finally {
        await visitor.leave();
      }
    }
  }
  measured.layoutShift = Object.fromEntries(Object.entries(found).map(([name, { total }]) => [name, total]));
  const bad = Object.entries(found).filter(([, { total }]) => total > SHIFT).map(([name, { total, what }]) => `${name}: ${total} (${what})`);
  assert.ok(bad.length === 0, `\n${bad.join("\n")}`);
});

test("the palette opens and answers at once", measuredAgain(async () => {
  const visitor = await watched();
  const { page } = visitor;
  try {
    await page.goto("/");
    await drawn(visitor, { quiet: 600 });
    const opened = [];
    const answered = [];
    for (const text of ["mur", "bren", "kow", "wal", "chest", "head", "ander"]) {
      // measured in the page: from the key until the field, then until the results, could be painted
      await page.evaluate(() => {
        const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
        window.timed = (kind, met) =>
          new Promise((resolve) => {
            const listen = async ({ timeStamp }) => {
              while (!met()) await new Promise((again) => setTimeout(again, 2));
              await painted();
              resolve(performance.now() - timeStamp);
            };
            addEventListener(kind, listen, { once: true, capture: true });
          });
        window.opening = window.timed("keydown", () => document.querySelector('[role="dialog"] [role="combobox"]'));
      });
      await page.keyboard.press("Control+k");
      opened.push(await page.evaluate(() => window.opening));
      await page.keyboard.type(text.slice(0, -1));
      await drawn(visitor);
      await page.evaluate(() => {
        // typing makes the list busy before the next picture; an answer that is known already never does
        let pictures = 0;
        requestAnimationFrame(function count() {
          pictures += 1;
          requestAnimationFrame(count);
        });
        let since = null;
        window.answering = window.timed("input", () => {
          since ??= pictures;
          return pictures > since && document.querySelector('[role="listbox"]')?.getAttribute("aria-busy") === "false";
        });
      });
      await page.keyboard.type(text.slice(-1));
      answered.push(await page.evaluate(() => window.answering));
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    measured.paletteOpens = opened.map(Math.round);
    measured.paletteAnswers = answered.map(Math.round);
    assert.ok(median(opened) <= PALETTE_MS, `opens after ${opened.map(Math.round)} ms`);
    assert.ok(median(answered) <= RESULTS_MS, `answers after ${answered.map(Math.round)} ms`);
  } finally {
    await visitor.leave();
  }
}));

test("a click is answered by the next picture", measuredAgain(async () => {
  const visitor = await watched();
  const { page } = visitor;
  const runs = {};
  const timed = async (name, act) => {
    await page.evaluate(() => window.events.splice(0));
    await act();
    await drawn(visitor);
    // events are told after the picture that they led to
    await page.waitForTimeout(120);
    (runs[name] ??= []).push(Math.max(0, ...(await page.evaluate(() => window.events.map(({ duration }) => duration)))));
  };
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await page.goto("/");
      await drawn(visitor);
      const rail = page.getByRole("navigation", { name: say("app:navigation") });
      await timed("home → patients", () => rail.getByRole("link", { name: say("app:nav.patients") }).click());
      await timed("sort patients", () => page.getByRole("columnheader").getByRole("button", { name: say("records:patients.birth") }).click());
      await timed("search patients", () => page.getByRole("textbox", { name: say("records:patients.search") }).pressSequentially("an", { delay: 60 }));
      await timed("open a patient", () => page.getByRole("grid").getByRole("link").first().click());
      await timed("→ studies", () => rail.getByRole("link", { name: say("app:nav.studies") }).click());
      await timed("sort studies", () => page.getByRole("columnheader").getByRole("button", { name: say("imaging:studies.column.patientName") }).click());
      await timed("columns", () => page.getByRole("button", { name: say("imaging:studies.columns") }).click());
      await page.keyboard.press("Escape");
      await timed("next row", async () => {
        await page.getByRole("grid").focus();
        await page.keyboard.press("ArrowDown");
        await page.keyboard.press("ArrowDown");
      });
      await timed("→ sharing", () => rail.getByRole("link", { name: say("app:nav.sharing") }).click());
      await timed("take back?", () => page.getByTestId("share").first().getByRole("button").last().click());
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await timed("account menu", async () => {
        await page.locator("header button[aria-haspopup=menu]").last().click();
        await page.getByRole("menu").waitFor();
      });
      await page.keyboard.press("Escape");
    }
  } finally {
    await visitor.leave();
  }
  measured.interactions = runs;
  const slow = Object.entries(runs).filter(([, ms]) => median(ms) > INTERACTION_MS);
  assert.deepEqual(slow, []);
}));
