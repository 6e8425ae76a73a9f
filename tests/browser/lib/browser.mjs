// Chromium as people have it: a window, a language, colours; what it did is kept as a trace.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM, folder } from "./place.mjs";

const QUIET = [
  "--no-sandbox",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--enable-unsafe-swiftshader",
];
const GRAPHICS = ["--use-angle=swiftshader", "--ignore-gpu-blocklist"];

/** One Chromium for a file of tests. `plain`: only WebGL is drawn as on a graphics card, which leaves the processors more for the rest. */
export async function open({ plain = false } = {}) {
  return chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...(plain ? ["--disable-gpu"] : GRAPHICS)], headless: true });
}

/** A window of its own: no cookie, no cache of another's. `scheme` is light, dark, reading. */
export async function visit(browser, server, { language = "en", scheme = "light", width = 1280, height = 800, touch = false, trace = null, timezone = "Europe/Berlin" } = {}) {
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width, height },
    locale: { en: "en-GB", de: "de-DE", zh: "zh-CN" }[language],
    colorScheme: scheme === "light" ? "light" : "dark",
    timezoneId: timezone,
    hasTouch: touch,
    isMobile: touch,
    acceptDownloads: true,
  });
  await context.addInitScript((kept) => {
    try {
      localStorage.setItem("lenticular.scheme", kept);
    } catch {
      // a page without storage
    }
  }, scheme);
  if (trace) await context.tracing.start({ screenshots: true, snapshots: true });
  const page = await context.newPage();
  const visitor = { context, page, errors: [], foreign: [], dialogs: [] };
  page.on("pageerror", (error) => visitor.errors.push(`${error.name}: ${error.message}`));
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" && !/Failed to load resource/.test(text)) visitor.errors.push(text);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !/^(blob|data):/.test(url)) visitor.foreign.push(url);
  });
  page.on("dialog", (dialog) => {
    visitor.dialogs.push(dialog.message());
    void dialog.accept();
  });
  visitor.leave = async () => {
    if (trace) await context.tracing.stop({ path: join(folder("traces"), `${trace}.zip`) });
    await context.close();
  };
  return visitor;
}

/** Through the login page, as a person does. */
export async function signIn(page, user, next = "/") {
  await page.goto(`/login?next=${encodeURIComponent(next)}`);
  await page.locator("input[name=login]").fill(user.login);
  await page.locator("input[name=password]").fill(user.password);
  await page.locator("form button[type=submit]").first().click();
  await page.waitForURL((url) => url.pathname !== "/login");
}

/** Waits until nothing on the page says that it is being fetched. */
export async function settled(page) {
  await page.waitForLoadState("networkidle").catch(() => undefined);
  await page.waitForFunction(() => !document.querySelector('[role="status"][aria-label], .mantine-Skeleton-root[data-visible]'), undefined, { timeout: 15_000 }).catch(() => undefined);
}

export async function picture(page, name) {
  await page.screenshot({ path: join(folder("screenshots"), `${name}.png`) });
}

export function note(name, value) {
  writeFileSync(join(folder("notes"), `${name}.json`), `${JSON.stringify(value, null, 2)}\n`);
}

export function forget(...names) {
  rmSync(folder(...names), { recursive: true, force: true });
}
