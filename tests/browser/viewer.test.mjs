// What the viewer costs: bytes, time to the first picture, pictures a second, memory. Software GL, nothing else running.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { open, signIn, visit } from "./lib/browser.mjs";
import { encodedBytes, figures, median, watch, measuredAgain } from "./lib/measure.mjs";
import { phantom, uids } from "./lib/phantom.mjs";
import { start, stow } from "./lib/server.mjs";

const A = "hospital-a";
const MIB = 2 ** 20;
const RUNS = 5;
const SLICES = 500;
const table = figures("viewer");
let server;
let browser;
let user;
let long;
let cookies;

before(async () => {
  const files = phantom(79, SLICES);
  long = uids(files[0]);
  [server, browser] = await Promise.all([start("viewer"), open()]);
  user = server.user("radiologist", A);
  const { token } = server.sample.tokens.find(({ org }) => org === A);
  for (let at = 0; at < files.length; at += 20) await stow(server, token, files.slice(at, at + 20).map((path) => readFileSync(path)));
  const visitor = await visit(browser, server);
  await signIn(visitor.page, user, "/settings");
  cookies = await visitor.context.cookies();
  await visitor.leave();
});

after(async () => {
  table.write();
  await browser?.close();
  await server?.stop();
});

/** A new browser of somebody who is signed in: nothing in its cache. */
async function fresh(options = {}) {
  const visitor = await visit(browser, server, options);
  await visitor.context.addCookies(cookies);
  await visitor.context.addInitScript(watch);
  return visitor;
}

const pane = (page) => page.getByTestId("pane").first();
const seen = (page) => page.evaluate(() => window.seen);

/** Milliseconds from the navigation to the first picture on the screen. */
async function firstPicture(page, study) {
  await page.goto(`/studies/${study}`, { waitUntil: "commit" });
  await page.waitForFunction(() => window.seen?.picture > 0, undefined, { polling: 50, timeout: 60_000 });
  return (await seen(page)).picture;
}

/** Until so many different frames have come. */
async function frames(page, held, wanted, milliseconds = 120_000) {
  const end = Date.now() + milliseconds;
  while (held.size < wanted) {
    assert.ok(Date.now() < end, `${held.size} of ${wanted} frames came`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Addresses of the frames that came to a page. */
function counted(page) {
  const held = new Set();
  page.on("requestfinished", (request) => {
    if (/\/frames\/\d+$/.test(request.url())) held.add(request.url());
  });
  return held;
}

/** Scripts, styles and modules that a page asked for, once nothing more comes. */
async function assets(path, ready) {
  const visitor = await fresh();
  const { page } = visitor;
  const found = new Set();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (/\.(js|css|wasm|mjs)$/.test(pathname)) found.add(pathname);
  });
  await page.goto(path);
  await ready(page);
  await visitor.leave();
  return found;
}

describe("the viewer", () => {
  test("is at most 1.1 MB beyond the shell", async () => {
    const shell = await assets("/settings", async (page) => {
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForLoadState("networkidle");
    });
    const viewer = await assets(`/studies/${server.sample.study}`, async (page) => {
      const ready = page.locator('[data-testid="pane"][data-state="ready"]');
      await ready.waitFor();
      // everything that is fetched when it is used: planes, measurements, the page of keys
      await pane(page).focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("f");
      await page.keyboard.press("m");
      for (const name of ["axial", "coronal", "sagittal"]) await ready.and(page.locator(`[data-pane="${name}"]`)).waitFor({ timeout: 60_000 });
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      await page.waitForLoadState("networkidle");
    });
    const own = [...viewer].filter((path) => !shell.has(path));
    assert.ok(own.length > 0);
    const sizes = await Promise.all(own.map(async (path) => ({ path, ...(await encodedBytes(server.url + path)) })));
    sizes.sort((a, b) => b.bytes - a.bytes);
    for (const { path, bytes, encoding } of sizes.slice(0, 12)) console.log(`  ${path} ${bytes} ${encoding}`);
    assert.ok(sizes.every(({ bytes, encoding }) => bytes < 1024 || encoding === "gzip"), "large files come compressed");
    const total = table.add("viewer beyond the shell, gzip", sizes.reduce((sum, { bytes }) => sum + bytes, 0) / 1000, "kB", "≤ 1100 kB");
    assert.ok(total <= 1100);
  });

  test("shows the first picture within 2.5 s, and 1.2 s where it was opened before", measuredAgain(async () => {
    const [cold, warm, shift] = [[], [], []];
    for (let run = 0; run < RUNS; run += 1) {
      const visitor = await fresh();
      cold.push(await firstPicture(visitor.page, server.sample.study));
      // the rest of the app comes behind the picture; a second visit finds it
      await visitor.page.waitForLoadState("networkidle");
      const { shift: moved, shifts } = await seen(visitor.page);
      shift.push(moved);
      if (moved > 0.05) console.log(`  moved: ${JSON.stringify(shifts)}`);
      warm.push(await firstPicture(visitor.page, server.sample.study));
      assert.deepEqual(visitor.errors, []);
      await visitor.leave();
    }
    const seconds = (all) => all.map((milliseconds) => milliseconds / 1000);
    assert.ok(table.add("first picture, nothing in the cache", median(seconds(cold)), "s", "≤ 2.5 s", seconds(cold)) <= 2.5);
    assert.ok(table.add("first picture, opened before", median(seconds(warm)), "s", "≤ 1.2 s", seconds(warm)) <= 1.2);
    assert.ok(table.add("layout shift while it opens", median(shift), "", "≤ 0.1", shift) <= 0.1);
  }));

  test("scrolls pictures that are there at 20 a second or more", measuredAgain(async () => {
    const visitor = await fresh();
    const { page } = visitor;
    const held = counted(page);
    await firstPicture(page, server.sample.study);
    await frames(page, held, 100);
    await page.waitForLoadState("networkidle");
    await pane(page).hover();
    const rates = [];
    for (let run = 0; run < RUNS; run += 1) {
      const down = run % 2 === 0;
      const before = Number(await pane(page).getAttribute("data-image-index"));
      const counting = page.evaluate(
        () =>
          new Promise((resolve) => {
            const frame = document.querySelector('[data-testid="pane"]');
            let [last, count, first, at] = [frame.dataset.imageIndex, 0, 0, 0];
            const end = performance.now() + 2500;
            const look = (now) => {
              if (frame.dataset.imageIndex !== last) {
                last = frame.dataset.imageIndex;
                count += 1;
                first ||= now;
                at = now;
              }
              if (performance.now() < end) requestAnimationFrame(look);
              else resolve({ count, milliseconds: at - first });
            };
            requestAnimationFrame(look);
          }),
      );
      let turning = true;
      const hand = async () => {
        while (turning) await page.mouse.wheel(0, down ? 100 : -100);
      };
      // a wheel does not wait for the picture of its last notch
      const wheel = Promise.all([hand(), hand(), hand(), hand()]);
      const { count, milliseconds } = await counting;
      turning = false;
      await wheel;
      const moved = Math.abs(Number(await pane(page).getAttribute("data-image-index")) - before);
      assert.ok(count > 10 && moved > 10, `${count} pictures were drawn, ${moved} gone by`);
      rates.push(((count - 1) / milliseconds) * 1000);
    }
    assert.ok(table.add("scrolling pictures that are there", median(rates), "/s", "≥ 20 /s", rates) >= 20);
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  }));

  test("answers to hand and key within 200 ms", measuredAgain(async () => {
    const visitor = await fresh();
    const { page } = visitor;
    const held = counted(page);
    await firstPicture(page, server.sample.study);
    await frames(page, held, 20);
    await page.waitForLoadState("networkidle");
    const box = await pane(page).boundingBox();
    await page.evaluate(() => (window.seen.inputs.length = 0));
    const settle = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    for (let run = 0; run < 3; run += 1) {
      for (const key of ["ArrowDown", "i", "r", "h", "1", "3", "0", "+", "-", "t", "x", "f", "l", "w", "Escape", "PageDown"]) {
        await page.keyboard.press(key);
        await settle();
      }
      await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.4);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.6, { steps: 10 });
      await page.mouse.up();
      await settle();
    }
    await page.keyboard.press("Alt+2");
    await settle();
    await page.keyboard.press("Alt+1");
    await settle();
    await page.waitForTimeout(300);
    const { inputs, shift, shifts } = await seen(page);
    const durations = inputs.map(({ duration }) => duration).sort((a, b) => a - b);
    // what took less than 16 ms is not told; the 98th part of a hundred is what browsers call the interaction to next paint
    const asked = 3 * 17 + 2;
    const slow = durations.length === 0 ? 0 : durations[Math.max(0, durations.length - 1 - Math.floor(asked * 0.02))];
    console.log(`  slowest: ${inputs.sort((a, b) => b.duration - a.duration).slice(0, 4).map(({ name, duration }) => `${name} ${duration}`).join(", ")}`);
    assert.ok(table.add("answer to input, 98th percentile", slow, "ms", "≤ 200 ms") <= 200);
    assert.ok(table.add("layout shift while it is used", shift, "", "≤ 0.1") <= 0.1, JSON.stringify(shifts));
    await visitor.leave();
  }));

  test("opens a series of 500 at its first picture, and keeps within its memory", async () => {
    const LIMIT = 64 * MIB;
    const visitor = await fresh();
    const { page } = visitor;
    const put = await page.request.put("/api/preferences", { data: { viewerMemoryMb: LIMIT / MIB } });
    assert.equal(put.status(), 204);
    const held = counted(page);
    const opened = await firstPicture(page, long.study);
    const early = held.size;
    assert.equal(await pane(page).getAttribute("data-image-count"), String(SLICES));
    assert.ok(table.add("frames there at the first picture of 500", early, "", "≤ 20") <= 20);
    assert.ok(table.add("first picture of 500", opened / 1000, "s", "≤ 2.5 s") <= 2.5);

    const cdp = await page.context().newCDPSession(page);
    await cdp.send("HeapProfiler.enable");
    const buffers = async () => {
      await cdp.send("HeapProfiler.collectGarbage");
      const { backingStorageSize, usedSize } = await cdp.send("Runtime.getHeapUsage");
      return { buffers: backingStorageSize / MIB, heap: usedSize / MIB };
    };
    const samples = [];
    await pane(page).focus();
    for (let at = 1; at < SLICES; at += 1) {
      await page.keyboard.press("ArrowDown");
      await page.waitForFunction((wanted) => document.querySelector('[data-testid="pane"]').dataset.imageIndex === wanted, String(at + 1), { polling: "raf", timeout: 20_000 });
      if (at % 50 === 0) samples.push(await buffers());
    }
    await page.waitForLoadState("networkidle");
    samples.push(await buffers());
    assert.ok(held.size >= SLICES, `${held.size} frames came`);
    const most = Math.max(...samples.map(({ buffers }) => buffers));
    // pixels of 250 MB went through; what is held is the limit, what was just let go of, and what is on its way
    assert.ok(table.add("buffers held, limit 64 MB, 500 slices of 0.5 MB gone through", most, "MB", "≤ 112 MB", samples.map(({ buffers }) => buffers)) <= 112);
    const heaps = samples.map(({ heap }) => heap);
    assert.ok(table.add("script heap meanwhile", Math.max(...heaps), "MB", "≤ 96 MB", heaps) <= 96);
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  });
});
