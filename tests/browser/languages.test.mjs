// No text of the app is left untranslated or clipped; German and Chinese are whole, and write dates and sort names as they do.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { open, signIn, visit } from "./lib/browser.mjs";
import { drawn, guard } from "./lib/checks.mjs";
import { screens, show } from "./lib/screens.mjs";
import { ask, start } from "./lib/server.mjs";
import { keys, speaker } from "./lib/words.mjs";

const HEIGHT = 900;
let server;
let browser;
let all;
let token;

before(async () => {
  [server, browser] = await Promise.all([start("languages"), open({ plain: true })]);
  all = await screens(server);
  token = server.sample.tokens.find((token) => token.org === "hospital-a").token;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const tokens = (text) => text.normalize("NFC").match(/[\p{L}\p{M}]+/gu) ?? [];

/** Words that no translation changes: names of standards, units, keys and languages. */
const NAMES = `Lenticular DICOM DICOMweb FHIR JSON CSV ZIP QR AE HU Ctrl Alt Esc Tab Enter Del Home End Page English Deutsch 简体中文 UTC
OpenAPI wadoRoot qidoRoot ct example org mm px kB MB GB TB byte W L R A P H F S I CT MR US DX CR PT MG OT SR UID http https localhost Ac ID SOP`;

/** What Intl writes in English, the language below the pseudo-locale. */
function written() {
  const found = new Set(tokens(NAMES));
  const add = (text) => tokens(text).forEach((token) => found.add(token));
  for (let month = 0; month < 12; month += 1)
    for (const style of ["short", "long"]) for (const tag of ["en", "en-GB"]) add(new Intl.DateTimeFormat(tag, { month: style, weekday: style }).format(new Date(2026, month, month + 1)));
  add(new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "full" }).format(new Date()));
  add("AM PM at");
  for (const unit of ["second", "minute", "hour", "day", "month", "year"])
    for (const value of [-2, -1, 0, 1, 2]) for (const numeric of ["auto", "always"]) add(new Intl.RelativeTimeFormat("en", { numeric }).format(value, unit));
  for (const unit of ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "second", "minute", "hour", "day", "millisecond", "percent"])
    for (const unitDisplay of ["short", "long", "narrow"]) for (const value of [1, 2]) add(new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay }).format(value));
  for (const zone of [...Intl.supportedValuesOf("timeZone"), "UTC"]) add(zone);
  return found;
}

/** Every word that the server answered with: whatever of them is on the screen is data. */
function listen(visitor) {
  const data = written();
  const waiting = new Set();
  const take = (value) => {
    // the standard's keywords are shown as words: ImageType as Image Type
    if (typeof value === "string") for (const token of [...tokens(value), ...tokens(value.replace(/([a-z])(?=[A-Z])/g, "$1 ").replace(/([A-Z])(?=[A-Z][a-z])/g, "$1 "))]) data.add(token);
    else if (Array.isArray(value)) value.forEach(take);
    else if (value && typeof value === "object")
      for (const [key, inner] of Object.entries(value)) {
        // names of elements stand in the JSON and the differences of a record
        if (/^[a-z]/.test(key)) data.add(key);
        take(inner);
      }
  };
  visitor.page.on("response", (response) => {
    if (!/json/.test(response.headers()["content-type"] ?? "") || /\/assets\//.test(response.url())) return;
    const reading = response
      .text()
      .then((text) => text.split("\n").filter(Boolean).forEach((line) => {
        try {
          take(JSON.parse(line));
        } catch {
          take(line);
        }
      }))
      .catch(() => undefined)
      .finally(() => waiting.delete(reading));
    waiting.add(reading);
  });
  return async () => {
    await Promise.all(waiting);
    return data;
  };
}

/** The texts that are seen, and what is said in their place: of each the part that no translation covers. */
async function texts(page) {
  return page.evaluate(() => {
    /** Marks what stands between `[` and `~]`; brackets within belong together. */
    const uncovered = (text) => {
      const cover = new Array(text.length).fill(false);
      const open = [];
      for (let at = 0; at < text.length; at += 1) {
        if (text[at] === "[") open.push(at);
        if (text[at] === "]" && text[at - 1] === "~" && open.length) cover.fill(true, open.pop(), at + 1);
      }
      return cover;
    };
    const shown = (element) => {
      if (!element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
      return element.getClientRects().length > 0;
    };
    const isData = (element) => element.closest("bdi, [translate=no], kbd, code, pre, script, style, noscript, svg title, .mantine-Avatar-root") !== null;
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || !node.data.trim() || isData(parent) || !shown(parent)) continue;
      // a sentence may be made of several elements: what surrounds the text decides
      let rest = node.data;
      for (let at = parent, depth = 0; at && at !== document.body && depth < 7; at = at.parentElement, depth += 1) {
        const range = document.createRange();
        range.setStart(at, 0);
        range.setEnd(node, 0);
        const start = range.toString().length;
        const cover = uncovered(at.textContent);
        const left = [...node.data].length === node.data.length ? node.data : node.data;
        const remains = Array.from({ length: left.length }, (_, offset) => (cover[start + offset] ? " " : left[offset])).join("");
        if (remains.trim().length < rest.trim().length) rest = remains;
        if (!rest.trim()) break;
      }
      if (rest.trim()) found.push({ text: rest.trim(), where: `${parent.tagName.toLowerCase()}.${parent.className}`.slice(0, 80) });
    }
    for (const element of document.querySelectorAll("[aria-label], [placeholder], [title], [alt], [aria-description], [aria-roledescription], [aria-valuetext]")) {
      if (!shown(element) || element.closest("[translate=no]")) continue;
      for (const name of ["aria-label", "placeholder", "title", "alt", "aria-description", "aria-roledescription", "aria-valuetext"]) {
        const value = element.getAttribute(name);
        if (!value?.trim()) continue;
        const cover = uncovered(value);
        const rest = [...value].map((letter, at) => (cover[at] ? " " : letter)).join("").trim();
        if (rest) found.push({ text: rest, where: `${element.tagName.toLowerCase()} ${name}` });
      }
    }
    const cover = uncovered(document.title);
    found.push({ text: [...document.title].map((letter, at) => (cover[at] ? " " : letter)).join(""), where: "the window's title" });
    return found;
  });
}

/** Texts of ours that are not seen whole, and cannot be brought to be. */
async function clipped(page) {
  return page.evaluate(() => {
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || !node.data.includes("~") || parent.closest("bdi, noscript, .visually-hidden, svg") || !parent.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) continue;
      if (parent.closest("[title]")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (box.width <= 1 || box.height <= 1) continue;
      for (let at = parent; at && at !== document.body; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.display === "inline" || style.display === "contents") continue;
        if (style.clipPath.startsWith("inset(50%") || (at.clientWidth <= 1 && at.clientHeight <= 1)) break;
        const frame = at.getBoundingClientRect();
        const [hidesX, hidesY] = [/hidden|clip/.test(style.overflowX), /hidden|clip/.test(style.overflowY)];
        const wide = hidesX && (box.right > frame.right + 1.5 || box.left < frame.left - 1.5);
        const high = hidesY && (box.bottom > frame.bottom + 3 || box.top < frame.top - 3) && at.scrollHeight > at.clientHeight + 1;
        if (wide || high) {
          found.push(`"${node.data.trim().slice(0, 70)}" ${wide ? `${Math.round(box.left)}–${Math.round(box.right)} in ${Math.round(frame.left)}–${Math.round(frame.right)}` : `${Math.round(box.height)} high in ${Math.round(frame.height)}`} (${at.tagName.toLowerCase()}.${String(at.className.baseVal ?? at.className).slice(0, 60)})`);
          break;
        }
        if (/auto|scroll/.test(style.overflowX) && /auto|scroll/.test(style.overflowY)) break;
        if (style.position === "fixed") break;
      }
    }
    return [...new Set(found)].slice(0, 12);
  });
}

/** Opens each of the screens of a role in one window, in one language. */
async function walk(role, { language = "en", pseudo = false, wanted = () => true }, look) {
  const say = speaker(language, { pseudo });
  const visitor = await guard(await visit(browser, server, { language, height: HEIGHT }));
  const data = listen(visitor);
  const { page } = visitor;
  const found = [];
  try {
    await page.emulateMedia({ reducedMotion: "reduce" });
    if (role) await signIn(page, server.user(role, "hospital-a"), pseudo ? "/help?pseudo" : "/help");
    else if (pseudo) await page.goto("/link?pseudo");
    for (const screen of all.filter((screen) => screen.role === role && wanted(screen))) {
      await show(visitor, screen, say, server.url);
      found.push(...(await look(page, await data(), visitor)).map((words) => `${screen.name}: ${words}`));
    }
  } finally {
    await visitor.leave();
  }
  return found;
}

const fine = (found) => assert.ok(found.length === 0, `\n${[...new Set(found)].join("\n")}`);
// the sign-in page is the server's own, and has no pseudo-locale
const ours = ({ name }) => !name.startsWith("login");
const ROLES = ["clinician", "radiologist", "registrar", "administrator", "patient", null];

describe("the pseudo-locale", () => {
  for (const role of ROLES) {
    test(`nothing is untranslated or clipped for ${role ?? "a guest"}`, async () => {
      fine(
        await walk(role, { pseudo: true, wanted: ours }, async (page, data, visitor) => {
          assert.match(await page.evaluate(() => document.body.innerText), /\[[^\]]*~\]/, "the pseudo-locale is on");
          const found = (await texts(page)).flatMap(({ text, where }) => {
            // what is untranslated would be English; names in other scripts are put together from their parts
            const foreign = tokens(text).filter((token) => /\p{Script=Latin}/u.test(token) && !data.has(token));
            return foreign.length ? [`"${text.slice(0, 100)}" (${where}): ${foreign.slice(0, 6).join(", ")}`] : [];
          });
          for (const width of [1280, 390]) {
            await page.setViewportSize({ width, height: HEIGHT });
            if (width !== 1280) await drawn(visitor);
            found.push(...(await clipped(page)).map((words) => `clipped at ${width}: ${words}`));
          }
          await page.setViewportSize({ width: 1280, height: HEIGHT });
          return found;
        }),
      );
    });
  }
});

describe("German and Chinese", () => {
  const known = new Set(keys());
  const english = /\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{1,2}, \d{4}|\b\d{1,2}:\d{2}(?::\d{2})? [AP]M\b/;
  for (const language of ["de", "zh"]) {
    for (const role of ["clinician", "radiologist", "administrator"]) {
      test(`${language} is whole for the ${role}`, async () => {
        fine(
          await walk(role, { language }, async (page, data) => {
            const found = [];
            const tag = await page.evaluate(() => document.documentElement.lang);
            if (tag !== (language === "zh" ? "zh-Hans" : "de")) found.push(`the page says it is in ${tag}`);
            const lines = await page.evaluate(() => {
              const seen = [];
              const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
              for (let node = walker.nextNode(); node; node = walker.nextNode())
                if (node.data.trim() && node.parentElement?.checkVisibility() && !node.parentElement.closest("bdi, code, pre, kbd, script, style, noscript, [translate=no]")) seen.push(node.data.trim());
              for (const element of document.querySelectorAll("[aria-label], [placeholder], [title]"))
                for (const name of ["aria-label", "placeholder", "title"]) seen.push(element.getAttribute(name) ?? "");
              return [...seen, document.title];
            });
            for (const line of lines) {
              if (/^[a-z]\w*(\.\w+)+$/.test(line) && (known.has(line) || !tokens(line).every((token) => data.has(token)))) found.push(`the key "${line}"`);
              if (/\{\{|\}\}|\$t\(/.test(line)) found.push(`a value that is not filled in: "${line.slice(0, 80)}"`);
              if (english.test(line)) found.push(`a date as English writes it: "${line.slice(0, 80)}"`);
            }
            return found;
          }),
        );
      });
    }
  }

  test("dates are written as the language does", async () => {
    for (const [language, form] of [["en", /\d{1,2} [A-Z][a-z]{2,} \d{4}|[A-Z][a-z]{2} \d{1,2}, \d{4}/], ["de", /\d{2}\.\d{2}\.\d{4}/], ["zh", /\d{4}年\d{1,2}月\d{1,2}日/]]) {
      const found = await walk("clinician", { language, wanted: ({ name }) => name === "patients" }, async (page) => {
        const text = await page.getByRole("grid").innerText();
        return form.test(text) ? [] : [`${language}: no ${form} in ${text.slice(0, 300)}`];
      });
      fine(found);
    }
  });

  test("Chinese names stand by pinyin, or by strokes where somebody chose that", async () => {
    const families = ["赵", "王", "丁", "张", "李"];
    for (const [at, family] of families.entries())
      await ask(server, token, "/fhir/Patient", {
        method: "POST",
        headers: { "Content-Type": "application/fhir+json" },
        body: JSON.stringify({ resourceType: "Patient", identifier: [{ system: "urn:oid:2.25.99", value: `ORDER-${at}` }], name: [{ family, given: ["顺序"], text: `${family}顺序` }], birthDate: "1980-01-01", gender: "female" }),
      });
    const say = speaker("zh");
    const visitor = await guard(await visit(browser, server, { language: "zh", height: 1400 }));
    const { page } = visitor;
    try {
      await signIn(page, server.user("clinician", "hospital-a"), "/patients");
      const order = async () => {
        await page.goto("/patients?q=%E9%A1%BA%E5%BA%8F");
        await drawn(visitor);
        const text = await page.getByRole("grid").innerText();
        return [...text.matchAll(/([赵王丁张李]),? ?顺序/g)].map((found) => found[1]).filter((family, at, list) => list.indexOf(family) === at);
      };
      assert.deepEqual(await order(), ["丁", "李", "王", "张", "赵"]);
      await page.goto("/settings");
      await page.getByRole("radio", { name: say("settings:appearance.stroke") }).check();
      await drawn(visitor);
      assert.deepEqual(await order(), [...families].sort(new Intl.Collator("zh-u-co-stroke").compare));
    } finally {
      await visitor.leave();
    }
  });

  test("names that run from right to left keep to themselves", async () => {
    const name = "שרה לוי";
    await ask(server, token, "/fhir/Patient", {
      method: "POST",
      headers: { "Content-Type": "application/fhir+json" },
      body: JSON.stringify({ resourceType: "Patient", identifier: [{ system: "urn:oid:2.25.99", value: "RTL-1" }], name: [{ text: name, family: "לוי", given: ["שרה"] }], birthDate: "1990-02-03" }),
    });
    fine(
      await walk("clinician", { wanted: ({ name: screen }) => screen === "patients" }, async (page) => {
        await page.goto(`${server.url}/patients?q=${encodeURIComponent("לוי")}`);
        await page.getByRole("grid").getByText("לוי").first().waitFor();
        await page.getByRole("grid").getByRole("link").first().click();
        await page.getByRole("heading", { level: 1 }).filter({ hasText: "לוי" }).waitFor();
        return page.evaluate(() => {
          const found = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node = walker.nextNode(); node; node = walker.nextNode()) {
            if (!/[\u0590-\u05ff]/.test(node.data) || !node.parentElement.checkVisibility()) continue;
            const own = node.parentElement.closest('bdi, [dir="auto"], [style*="isolate"], input, script');
            if (!own) found.push(`"${node.data}" in ${node.parentElement.outerHTML.slice(0, 120)}`);
          }
          return found;
        });
      }),
    );
  });
});
