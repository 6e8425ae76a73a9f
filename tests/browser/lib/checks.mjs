// What is true of every screen: axe finds nothing, nothing sticks out, one first heading, nothing forbidden was tried.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** How long a page may take on a machine that is busy with other things. */
const PATIENCE = 90_000;
const COLORS = ["color-contrast", "link-in-text-block"];

/** Notes what the page tries that it may not: `visitor.violations`; and what hostile text would do: `visitor.ran`. */
export async function guard(visitor) {
  visitor.violations = [];
  visitor.ran = [];
  visitor.pending = new Set();
  await visitor.context.exposeBinding("tellTest", (_, kind, words) => visitor[kind].push(words));
  await visitor.context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      window.tellTest("violations", `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`);
    });
    window.pwn = (words) => window.tellTest("ran", String(words));
    for (const name of ["alert", "confirm", "prompt"]) window[name] = (words) => window.tellTest("ran", `${name} ${words}`);
  });
  const { page, pending } = visitor;
  // what is asked of these pages is not how quick they are
  page.setDefaultTimeout(PATIENCE);
  // the viewer fetches a series while its first image is looked at: nobody waits for the rest
  page.on("request", (request) => /\/frames\/\d+$/.test(request.url()) || pending.add(request));
  page.on("requestfinished", (request) => pending.delete(request));
  page.on("requestfailed", (request) => pending.delete(request));
  return visitor;
}

/** What went wrong since it was asked last. */
export function troubles(visitor) {
  const found = [
    ...visitor.errors.map((words) => `console: ${words}`),
    ...visitor.foreign.map((url) => `another host: ${url}`),
    ...visitor.violations.map((words) => `policy: ${words}`),
    ...visitor.dialogs.map((words) => `dialog: ${words}`),
    ...visitor.ran.map((words) => `ran: ${words}`),
  ];
  for (const kind of ["errors", "foreign", "violations", "dialogs", "ran"]) visitor[kind].length = 0;
  return found;
}

/** Waits until a page is drawn: nothing says that it is being fetched, and nothing is on its way. */
export async function drawn(visitor, { quiet = 150, limit = PATIENCE } = {}) {
  const { page, pending } = visitor;
  const until = Date.now() + limit;
  let since = Date.now();
  let last = "";
  while (Date.now() < until) {
    const state = await page
      .evaluate(() => {
        const seen = (element) => element.checkVisibility?.() !== false && element.getClientRects().length > 0;
        const waits = [...document.querySelectorAll('[role="status"][aria-label], .mantine-Skeleton-root[data-visible], [aria-busy="true"]')].some(seen);
        return waits || !document.body?.innerText.trim() ? null : String(document.body.innerText.length);
      })
      .catch(() => null);
    if (state === null || pending.size > 0 || state !== last) {
      since = Date.now();
      last = state ?? "";
    }
    if (Date.now() - since >= quiet) return;
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  throw new Error(`the page is still waiting after ${limit} ms: ${[...pending].map((request) => request.url()).join(" ")}`);
}

/** Changes the colours as another tab would. */
export async function paint(page, scheme) {
  await page.emulateMedia({ colorScheme: scheme === "light" ? "light" : "dark", reducedMotion: "reduce" });
  await page.evaluate(async (wanted) => {
    localStorage.setItem("lenticular.scheme", wanted);
    window.dispatchEvent(new StorageEvent("storage", { key: "lenticular.scheme", newValue: wanted }));
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    await frame();
    await frame();
    for (let frames = 0; frames < 60 && document.getAnimations().some((animation) => animation.playState === "running" && animation.effect?.getComputedTiming().iterations !== Infinity); frames += 1) await frame();
  }, scheme);
}

/** What axe finds. With `colors` only the rules that see colours: in another scheme the page says the same in other colours. */
export async function axe(page, { colors = false } = {}) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
  const violations = await page.evaluate(async (runOnly) => {
    const { violations } = await window.axe.run(document, { runOnly, resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.slice(0, 4).map((node) => `${node.target.join(" ")} ${node.html.slice(0, 160)} ${(node.any[0] ?? node.all[0] ?? node.none[0])?.message ?? ""}`),
      count: nodes.length,
    }));
  }, colors ? { type: "rule", values: COLORS } : { type: "tag", values: RULES });
  return violations.map(({ id, help, nodes, count }) => `axe ${id} (${count}): ${help}\n    ${nodes.join("\n    ")}`);
}

/** What reaches beyond the window to the side. */
export async function overflow(page) {
  return page.evaluate(() => {
    const found = [];
    const root = document.scrollingElement;
    if (root.scrollWidth > innerWidth) found.push(`the page is ${root.scrollWidth} px wide in a window of ${innerWidth}`);
    const hidden = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.visibility === "hidden" || style.opacity === "0" || style.clipPath.startsWith("inset(50%") || at.inert || at.matches(".skip")) return true;
      }
      return false;
    };
    // what is left of a control within whatever cuts it off; null where it can be scrolled to
    const visible = (element) => {
      let { left, right } = element.getBoundingClientRect();
      for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
        const { overflowX } = getComputedStyle(at);
        if (/auto|scroll/.test(overflowX) && at.scrollWidth > at.clientWidth) return null;
        if (!/hidden|clip/.test(overflowX)) continue;
        const frame = at.getBoundingClientRect();
        left = Math.max(left, frame.left);
        right = Math.min(right, frame.right);
      }
      return { left, right };
    };
    const controls = "a[href], button, input, select, textarea, [role=button], [role=tab], [role=option], [role=menuitem], [role=menuitemradio], [tabindex='0']";
    for (const element of document.querySelectorAll(controls)) {
      const box = element.getBoundingClientRect();
      if (box.width <= 1 || box.height <= 1 || hidden(element)) continue;
      const left = visible(element);
      if (!left || (left.left >= -1 && left.right <= innerWidth + 1 && left.right - left.left >= Math.min(16, box.width))) continue;
      found.push(`${element.tagName.toLowerCase()} "${(element.getAttribute("aria-label") ?? element.textContent ?? "").slice(0, 60)}" from ${Math.round(box.left)} to ${Math.round(box.right)} in a window of ${innerWidth}`);
    }
    return found.slice(0, 10);
  });
}

/** One first heading, none skipped, a title of its own. */
export async function outline(page) {
  const { title, levels } = await page.evaluate(() => ({
    title: document.title,
    levels: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6, [role=heading]")]
      .filter((heading) => !heading.closest("[aria-hidden=true], [role=dialog]") && heading.getClientRects().length > 0)
      .map((heading) => Number(heading.getAttribute("aria-level") ?? heading.tagName.slice(1))),
  }));
  const found = [];
  if (!/^\S.* · Lenticular$/u.test(title)) found.push(`the title is "${title}"`);
  if (levels.filter((level) => level === 1).length !== 1) found.push(`headings ${levels.join(" ")}: not one first heading`);
  levels.forEach((level, at) => {
    if (at > 0 && level > levels[at - 1] + 1) found.push(`headings ${levels.join(" ")}: level ${level} follows ${levels[at - 1]}`);
  });
  return found;
}
