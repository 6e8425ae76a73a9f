// The story of a study: it comes in at one hospital, is found, read and measured, is given to another, and is taken back.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { open, picture, signIn, visit } from "./lib/browser.mjs";
import { phantom } from "./lib/inputs.mjs";
import { folder } from "./lib/place.mjs";
import { start } from "./lib/server.mjs";
import { draw, goTo, measurements, near, paneOf, probe, ready, seen, shade, stateOf, step, toScreen } from "./lib/viewer.mjs";
import { speaker } from "./lib/words.mjs";

const say = speaker("en");
const truth = phantom();
const { sphere, spacingMm: spacing } = truth;
const slices = truth.size[2];
/** Middle of the sphere in the pixels of a picture: the middle of the first pixel is (0.5, 0.5). */
const middle = [sphere.centerVoxel[0] + 0.5, sphere.centerVoxel[1] + 0.5];
const radius = [sphere.radiusMm / spacing[0], sphere.radiusMm / spacing[1]];
const about = (x, y) => [middle[0] + x * radius[0], middle[1] + y * radius[1]];

let server;
let browser;
let a;
let b;
/** What B's browser was given of the study while it was shared. */
const given = { frames: [], thumbnails: [] };

before(async () => {
  [server, browser] = await Promise.all([start("story"), open()]);
  a = await visit(browser, server, { trace: "story-a" });
});

after(async () => {
  await a?.leave();
  await b?.leave();
  await browser?.close();
  await server?.stop();
});

/** Folders let go over the page, as from the desktop. */
async function drop(page, paths, [x, y]) {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x, y, data });
  await session.detach();
}

const rows = (page) => page.locator(`a[href^="/studies/${truth.study}"]`);

async function palette(page, text) {
  await page.locator("main h1, [data-testid=panes]").first().waitFor();
  await page.keyboard.press("Control+k");
  const field = page.getByRole("combobox", { name: say("app:palette.open") });
  await field.fill(text);
  await page.locator("[role=listbox][aria-busy=false]").waitFor();
  return page.getByRole("option").filter({ hasText: truth.family });
}

const fieldOf = (page, key) => page.getByRole("textbox", { name: say(key), exact: true }).or(page.getByLabel(say(key), { exact: true })).first();

async function searchStudies(page) {
  await page.goto("/studies");
  await fieldOf(page, "imaging:studies.mrn").fill(truth.mrn);
  await page.waitForURL((url) => url.searchParams.get("mrn")?.includes(truth.mrn));
}

describe("at the first hospital", () => {
  test("sign in", async () => {
    await signIn(a.page, server.user("clinician", "hospital-a"), "/upload");
    await a.page.getByRole("heading", { level: 1, name: say("upload:title") }).waitFor();
  });

  test("drop two folders on the upload page", async () => {
    const { page } = a;
    const extra = folder("data", "story-extra");
    rmSync(extra, { recursive: true, force: true });
    mkdirSync(extra);
    copyFileSync(join(truth.folder, "ct-000.dcm"), join(extra, "again"));
    writeFileSync(join(extra, "notes.txt"), "neither an image nor a record");
    const zone = page.getByRole("region", { name: say("upload:choose") });
    const box = await zone.boundingBox();
    await page.evaluate(() => {
      window.progress = [];
      const note = () => {
        const bar = document.querySelector('[data-testid="upload-total"] [role=progressbar]');
        const now = Number(bar?.getAttribute("aria-valuenow"));
        if (bar && window.progress.at(-1) !== now) window.progress.push(now);
      };
      new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });
    });
    await drop(page, [truth.folder, extra], [box.x + box.width / 2, box.y + box.height / 2]);
    await page.getByTestId("upload-group").first().waitFor();
    await picture(page, "story-uploading");
    await page.getByRole("heading", { name: say("upload:finished") }).waitFor({ timeout: 180_000 });
    await picture(page, "story-uploaded");
    const progress = await page.evaluate(() => window.progress);
    assert.ok(progress.filter((percent) => percent > 0 && percent < 100).length >= 3, `the bar moved: ${progress}`);
    assert.equal(progress.at(-1), 100);
  });

  test("the report names what was stored, what was here and what was not sent", async () => {
    const { page } = a;
    const group = page.getByTestId("upload-group");
    assert.equal(await group.count(), 1);
    const words = await group.innerText();
    for (const part of [truth.family, truth.mrn, say("upload:counts.stored_other", { count: slices }), say("upload:counts.duplicate_one", { count: 1 }), say("upload:states.done")]) assert.ok(words.includes(part), `"${part}" in ${words}`);
    for (const [name, count] of [["stored", slices], ["duplicate", 1], ["skipped", 1]]) await page.getByRole("tab", { name: say(`upload:tabs.${name}`, { count }) }).waitFor();
    assert.equal(await page.getByRole("tab").count(), 3, "nothing refused, nothing in conflict");
    await page.getByRole("tab", { name: say("upload:tabs.skipped", { count: 1 }) }).click();
    await page.getByText("notes.txt").waitFor();
    await page.getByText(say("upload:skipped.unknown")).waitFor();
    await page.getByRole("tab", { name: say("upload:tabs.duplicate", { count: 1 }) }).click();
    await page.getByRole("tabpanel").getByText(/again|ct-000/).waitFor();
  });

  test("find it in the palette and among the studies, and open it", async () => {
    const { page } = a;
    for (const text of [`${truth.given} ${truth.family}`, truth.mrn]) {
      await (await palette(page, text)).first().waitFor();
      await page.keyboard.press("Escape");
    }
    await searchStudies(page);
    await rows(page).first().waitFor();
    await picture(page, "story-found");
    await rows(page).first().click();
    const pane = await ready(page);
    assert.equal((await stateOf(pane)).count, slices);
    await page.locator("nav img").first().waitFor();
  });

  test("window by key and by hand", async () => {
    const { page } = a;
    const pane = paneOf(page);
    for (const [key, window] of [["2", { center: 40, width: 400 }], ["3", { center: -600, width: 1500 }], ["4", { center: 480, width: 2500 }]]) {
      await page.keyboard.press(key);
      await page.locator(`[data-pane="1"][data-window="${window.center},${window.width},LINEAR"]`).waitFor();
      const at = [256, 200];
      const { value } = await probe(page, pane, ...at);
      await page.mouse.move(2, 2);
      const sight = await seen(page, pane);
      near(sight.pixel(...at)[0], shade(value, window), 25, `grey of ${value} HU, with the noise of its neighbours, by key ${key}`);
    }
    await page.keyboard.press("2");
    const before = await stateOf(pane);
    const dark = await seen(page, pane);
    const [x, y] = [before.box.x + before.box.width / 2, before.box.y + before.box.height / 2];
    await page.keyboard.press("w");
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 100, y - 60, { steps: 10 });
    await page.mouse.up();
    const { window } = await stateOf(pane);
    assert.ok(window.width > before.window.width * 1.1, `wider by moving right: ${window.width}`);
    assert.ok(window.center < before.window.center - 10, `brighter by moving up: ${window.center}`);
    await page.mouse.move(2, 2);
    assert.notDeepEqual((await seen(page, pane)).pixel(...middle.map(Math.floor)), dark.pixel(...middle.map(Math.floor)), "the picture is another");
    await page.keyboard.press("2");
  });

  test("scroll with the wheel and with keys", async () => {
    const { page } = a;
    const pane = paneOf(page);
    await goTo(page, pane, 1);
    const { box } = await stateOf(pane);
    const looks = async () => (await page.screenshot({ clip: { x: box.x + box.width / 4, y: box.y + box.height / 4, width: box.width / 2, height: box.height / 2 } })).toString("base64");
    const pictures = new Set([await looks()]);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    for (const index of [2, 3]) {
      await page.mouse.wheel(0, 100);
      await page.locator(`[data-pane="1"][data-image-index="${index}"][data-state=ready]`).waitFor();
      pictures.add(await looks());
    }
    await page.mouse.wheel(0, -100);
    await page.locator('[data-pane="1"][data-image-index="2"][data-state=ready]').waitFor();
    for (const [key, index] of [["ArrowDown", 3], ["PageDown", 13], ["End", slices], ["ArrowUp", slices - 1], ["Home", 1]]) {
      await step(page, pane, key);
      assert.equal((await stateOf(pane)).index, index, key);
      pictures.add(await looks());
    }
    assert.ok(pictures.size >= 5, `each picture is another: ${pictures.size}`);
  });

  test("the sphere: its diameter within 1 %, its HU within 2", async () => {
    const { page } = a;
    const pane = paneOf(page);
    const at = middle.map(Math.floor);
    const first = await probe(page, pane, ...at);
    near(first.point.slice(0, 2), sphere.centerMm.slice(0, 2), spacing[0], "where the sphere is in the patient");
    await step(page, pane, "ArrowDown");
    const second = await probe(page, pane, ...at);
    const gap = second.point[2] - first.point[2];
    near(Math.abs(gap), spacing[2], 1e-3, "from one picture to the next");
    await goTo(page, pane, 1 + Math.round((sphere.centerMm[2] - first.point[2]) / gap));
    const here = await probe(page, pane, ...at);
    near(here.point[2], sphere.centerMm[2], spacing[2], "the height of the sphere");

    // closer, at the sphere
    await page.keyboard.down("Control");
    for (let turn = 0; turn < 8; turn += 1) await page.mouse.wheel(0, -120);
    await page.keyboard.up("Control");
    await page.waitForFunction(() => Number(document.querySelector('[data-pane="1"]').dataset.zoom) > 3);

    // the rim is where it should be: the mean of values inside and outside
    const ring = async (part) => {
      let sum = 0;
      for (let turn = 0; turn < 12; turn += 1) {
        const [x, y] = about(part * Math.cos((turn * Math.PI) / 6), part * Math.sin((turn * Math.PI) / 6));
        sum += (await probe(page, pane, Math.floor(x), Math.floor(y))).value;
      }
      return sum / 12;
    };
    near(await ring(0.94), sphere.hu, 12, "mean just inside");
    near(await ring(1.06), sphere.backgroundHu, 12, "mean just outside");

    await draw(page, pane, "l", [about(-1, 0), about(1, 0)]);
    await draw(page, pane, "l", [about(0, -1), about(0, 1)]);
    await draw(page, pane, "e", [about(-0.75, -0.75), about(0.75, 0.75)]);
    await page.waitForFunction(() => document.querySelectorAll("[data-pane='1'] [data-measurement]").length === 3);
    const list = await measurements(page);
    const lengths = list.filter(({ kind }) => kind === "length");
    assert.equal(lengths.length, 2);
    for (const { length } of lengths) {
      assert.equal(length.unit, "mm");
      near(length.value, 2 * sphere.radiusMm, 0.02 * sphere.radiusMm, "diameter");
    }
    const { mean, deviation, area } = list.find(({ kind }) => kind === "ellipse");
    assert.equal(mean.unit, "HU");
    near(mean.value, sphere.hu, 2, "mean of the ellipse");
    near(deviation.value, 10, 2, "the noise of the phantom");
    near(area.value, Math.PI * (0.75 * sphere.radiusMm) ** 2, 0.02 * Math.PI * (0.75 * sphere.radiusMm) ** 2, "area");
    await picture(page, "story-measured");
  });

  test("three planes meet in the sphere; its height is right too", async () => {
    const { page } = a;
    await page.keyboard.press("m");
    for (const plane of ["axial", "coronal", "sagittal"]) await ready(page, plane);
    const axial = paneOf(page, "axial");
    await axial.focus();
    const { point } = await probe(page, axial, ...middle.map(Math.floor));
    const { index, count } = await stateOf(axial);
    // axial planes are counted from the head
    const wanted = index + Math.round((point[2] - sphere.centerMm[2]) / spacing[2]);
    assert.ok(wanted >= 1 && wanted <= count);
    await goTo(page, axial, wanted);
    await page.keyboard.press("c");
    await page.mouse.click(...toScreen(await stateOf(axial), middle));
    const heights = {};
    for (const plane of ["coronal", "sagittal"]) {
      const pane = paneOf(page, plane);
      await page.waitForFunction((name) => document.querySelector(`[data-pane="${name}"]`).dataset.state === "ready" && document.querySelector(`[data-pane="${name}"] [data-crosshair]`), plane);
      const state = await stateOf(pane);
      const across = plane === "coronal" ? middle[0] : middle[1];
      const down = count - sphere.centerVoxel[2] - 0.5;
      const cross = (await pane.locator("[data-crosshair]").getAttribute("data-crosshair")).split(",").map(Number);
      near(cross, toScreen({ ...state, box: { x: 0, y: 0 } }, [across, down]), 2.5, `the crosshair in ${plane}`);
      await pane.focus();
      await draw(page, pane, "l", [[across, down - sphere.radiusMm / spacing[2]], [across, down + sphere.radiusMm / spacing[2]]]);
      const made = (await measurements(page)).at(-1);
      heights[plane] = made.length.value;
      const inside = await probe(page, pane, Math.floor(across), Math.floor(down));
      near(inside.value, sphere.hu, 45, `${plane}: inside the sphere`);
    }
    for (const [plane, height] of Object.entries(heights)) near(height, 2 * sphere.radiusMm, 0.02 * sphere.radiusMm, `height in ${plane}`);
    await picture(page, "story-planes");
    await page.keyboard.press("m");
    await ready(page);
  });

  test("what was measured is there after the page was loaded again", async () => {
    const { page } = a;
    const before = await measurements(page);
    assert.ok(before.length > 0);
    await page.locator("[data-saving=saved]").waitFor();
    await page.waitForURL((url) => !url.searchParams.has("layout"));
    await page.reload();
    const pane = await ready(page);
    await page.waitForFunction((count) => {
      const list = document.querySelectorAll('[data-testid="measurements"] li');
      return list.length === 0 || list.length === count;
    }, before.length);
    await page.keyboard.press("f");
    await page.locator('[data-testid="measurements"] li').nth(before.length - 1).waitFor();
    // JSON keeps a number to its last bit or the one before
    const rounded = (list) => JSON.stringify(list, (_, value) => (typeof value === "number" ? Number(value.toPrecision(12)) : value));
    assert.equal(rounded(await measurements(page)), rounded(before));
    await page.locator('[data-testid="measurements"] li[data-kind="length"] button').first().click();
    await page.waitForFunction((wanted) => document.querySelector("[data-pane='1']").dataset.instance === wanted, before[0].instance);
    await pane.locator(`[data-measurement="${before[0].id}"]`).waitFor({ state: "attached" });
  });
});

describe("given to the second hospital", () => {
  test("share it through the dialog", async () => {
    const { page } = a;
    await searchStudies(page);
    await rows(page).first().waitFor();
    await page.getByRole("button", { name: new RegExp(`^${say("records:share")}.*${truth.family}`) }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("combobox", { name: say("sharing:member.label") }).or(dialog.getByLabel(say("sharing:member.label"), { exact: true })).first().click();
    const { members } = await (await page.request.get("/api/members")).json();
    const { name } = members.find(({ id }) => id === "hospital-b");
    await page.keyboard.type(name.slice(0, 6));
    await page.getByRole("option", { name, exact: true }).click();
    await dialog.getByRole("button", { name: say("sharing:share"), exact: true }).click();
    await dialog.getByText(say("sharing:done.member", { member: name })).waitFor();
    await picture(page, "story-shared");
    await dialog.getByRole("button", { name: say("sharing:done.close"), exact: true }).click();
  });

  test("there it is: among what was shared, among the studies, in the palette; and it opens", async () => {
    b = await visit(browser, server, { trace: "story-b" });
    const { page } = b;
    page.on("request", (request) => {
      if (/\/frames\/\d+$/.test(request.url())) given.frames.push(request.url());
    });
    await signIn(page, server.user("clinician", "hospital-b"), "/sharing?tab=incoming");
    await page.getByTestId("share").filter({ hasText: truth.family }).first().waitFor();
    await searchStudies(page);
    await rows(page).first().waitFor();
    await picture(page, "story-received");
    await page.goto("/");
    const found = await palette(page, truth.mrn);
    await found.first().waitFor();
    await found.last().click();
    const pane = await ready(page);
    assert.equal((await stateOf(pane)).count, slices);
    await step(page, pane, "ArrowDown");
    assert.deepEqual(await measurements(page), [], "what was measured belongs to whoever measured");
    const { box } = await stateOf(pane);
    const sight = await seen(page, pane);
    let bright = 0;
    for (let row = 0; row < box.height - 1; row += 8) for (let column = 0; column < box.width - 1; column += 8) if (sight.at(column, row)[0] > 60) bright += 1;
    assert.ok(bright > 200, "there is a picture");
    await page.locator("nav img").first().waitFor();
    given.thumbnails = await page.locator("nav img").evaluateAll((pictures) => pictures.map(({ src }) => src));
    assert.ok(given.frames.length > 0 && given.thumbnails.every((address) => address.startsWith("blob:")));
    await picture(page, "story-opened");
  });
});

describe("taken back", () => {
  test("take it back", async () => {
    const { page } = a;
    await page.goto("/sharing");
    const share = page.getByTestId("share").filter({ hasText: truth.family });
    await share.getByRole("button").last().click();
    await page.getByRole("dialog").getByRole("button", { name: say("sharing:takeBack.yes"), exact: true }).click();
    await page.getByText(say("sharing:takeBack.done")).waitFor();
    await share.waitFor({ state: "detached" });
  });

  test("the next click in the open viewer: it is gone, pixels and thumbnails too", async () => {
    const { page } = b;
    const { box } = await stateOf(paneOf(page));
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await page.locator("[data-viewer-state=lost]").waitFor({ timeout: 5000 });
    await picture(page, "story-gone");
    assert.ok((await page.locator("main").innerText()).includes(say("imaging:viewer.purged")));
    assert.equal(await page.locator("canvas").count(), 0, "no canvas is left");
    assert.equal(await page.locator('img[src^="blob:"]').count(), 0, "no thumbnail is left");
    assert.ok(!(await page.locator("body").innerText()).includes(truth.family), "no name is left");
    assert.doesNotMatch(await page.title(), new RegExp(truth.family), "not in the title either");
    const held = await page.evaluate(
      (addresses) =>
        Promise.all(
          addresses.map(
            (address) =>
              new Promise((resolve) => {
                const probe = new Image();
                probe.onload = () => resolve(address);
                probe.onerror = () => resolve(null);
                probe.src = address;
              }),
          ),
        ),
      given.thumbnails,
    );
    assert.deepEqual(held.filter(Boolean), [], "the pictures of thumbnails are let go");
    const statuses = await page.evaluate((urls) => Promise.all(urls.map(async (url) => (await fetch(url, { headers: { Accept: "application/octet-stream" } })).status)), given.frames.slice(0, 3));
    assert.ok(statuses.every((status) => status === 404), `frames are not in the browser's cache either: ${statuses}`);
  });

  test("neither the studies nor the palette nor the shares have it, and its address opens nothing", async () => {
    const { page } = b;
    await searchStudies(page);
    await page.getByText(say("imaging:studies.none")).waitFor();
    assert.equal(await rows(page).count(), 0);
    for (const text of [truth.mrn, `${truth.given} ${truth.family}`, ""]) {
      const options = await palette(page, text);
      assert.equal(await options.filter({ hasText: truth.given }).count(), 0, `the palette for "${text}"`);
      await page.keyboard.press("Escape");
    }
    await page.goto("/sharing?tab=incoming");
    await page.getByRole("tab", { name: say("sharing:tabs.incoming"), selected: true }).waitFor();
    await page.waitForFunction(() => !document.querySelector('[role="status"][aria-label]'));
    assert.equal(await page.getByTestId("share").filter({ hasText: truth.family }).count(), 0);
    await page.goto(`/studies/${truth.study}`);
    await page.locator("[data-viewer-state=lost]").waitFor();
    assert.equal(await page.locator("canvas").count(), 0);
  });

  test("whose it is has it still", async () => {
    const { page } = a;
    await page.goto(`/studies/${truth.study}`);
    await ready(page);
  });

  test("nothing went wrong on the pages meanwhile", () => {
    for (const visitor of [a, b]) {
      assert.deepEqual(visitor.errors, []);
      assert.deepEqual(visitor.foreign, []);
      assert.deepEqual(visitor.dialogs, []);
    }
  });
});
