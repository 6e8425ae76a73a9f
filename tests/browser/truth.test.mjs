// What is shown is what was stored: values, millimetres, letters and sides, in the stack, in three planes, in the server's own
// pictures and on a phone, for every kind of picture and every compression. The known files are made by inputs/truth.py.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { PNG } from "pngjs";
import { open, picture, signIn, visit } from "./lib/browser.mjs";
import { known } from "./lib/inputs.mjs";
import { start, stow } from "./lib/server.mjs";
import { between, draw, goTo, measurements, near, paneOf, probe, ready, seen, shade, sideOf, stateOf, step, toScreen } from "./lib/viewer.mjs";

const { images, files } = known();
const named = (name) => images.find((image) => image.name === name);
const NAMES = images.map(({ name }) => name);
const COLOUR = new Set(["palette", "rgb"]);
/** The windows that the files name; the others are shown from their least to their most value. */
const STORED = { ct: { center: 1000, width: 4000 }, mr: { center: -1000, width: 3000 }, mono1: { center: 1000, width: 2000 } };
/** What inputs/truth.py adds to the ramp, and where: columns 64 to 79, rows 24 to 39. */
const BLOCK = { middle: [72, 32], mirrored: [23, 32], over: 450 };
const SCALE = { ct: 2 };

let server;
let browser;
let desk;
let phone;
let token;

before(async () => {
  [server, browser] = await Promise.all([start("truth"), open()]);
  token = server.sample.tokens.find(({ org }) => org === "hospital-a").token;
  await stow(server, token, files);
  desk = await visit(browser, server, { trace: "truth" });
  phone = await visit(browser, server, { width: 390, height: 800, touch: true, trace: "truth-phone" });
  for (const { page } of [desk, phone]) await signIn(page, server.user("radiologist", "hospital-a"));
});

after(async () => {
  await desk?.leave();
  await phone?.leave();
  await browser?.close();
  await server?.stop();
});

const instanceOf = (image, number) => (image.name === "frames" ? `${image.series}.1` : `${image.series}.${number + 1}`);
const frameOf = (image, number) => (image.name === "frames" ? number + 1 : 1);
const pointsAt = (image, number) => image.points.filter((point) => point.image === number);
const numbersOf = (image) => [...new Set(image.points.map((point) => point.image))];

/** What a value becomes on the screen. */
function shown(image, value, window) {
  if (COLOUR.has(image.name)) return value;
  const grey = shade(value, window);
  return Array(3).fill(image.name === "mono1" ? 255 - grey : grey);
}

async function show(page, image) {
  await page.goto(`/studies/${image.study}`);
  return ready(page);
}

/** Goes to a picture by what it is, not by where the viewer should have put it. */
async function turnTo(page, pane, image, number) {
  await goTo(page, pane, 1);
  for (;;) {
    const state = await stateOf(pane);
    if (state.instance === instanceOf(image, number) && Number(state.frame) === frameOf(image, number)) return state;
    assert.ok(state.index < state.count, `${image.name} ${number} is in the stack`);
    await step(page, pane, "ArrowDown");
  }
}

describe("the stack", () => {
  for (const name of NAMES) {
    test(name, async () => {
      const image = named(name);
      const { page } = desk;
      const pane = await show(page, image);
      const first = await stateOf(pane);
      assert.equal(first.count, image.count);
      if (image.letters) {
        const [left, right, top, bottom] = image.letters;
        if (name === "mono1") assert.deepEqual(first.edges, { left, right, top, bottom }, "from Patient Orientation");
        else assert.deepEqual(first.edges, { left, right, top, bottom });
      } else assert.deepEqual(first.edges, {}, "nothing is said where nothing is known");
      if (STORED[name]) assert.deepEqual(first.window, { ...STORED[name], function: "LINEAR" });
      for (const number of numbersOf(image)) {
        await turnTo(page, pane, image, number);
        for (const { x, y, value } of pointsAt(image, number)) {
          const read = await probe(page, pane, x, y);
          near(read.value, value, image.tolerance, `${name} ${number} (${x}, ${y})`);
          if (!COLOUR.has(name)) assert.equal(read.unit, image.unit);
        }
        await page.mouse.move(2, 2);
        await page.keyboard.press("t");
        const sight = await seen(page, pane);
        for (const { x, y, value } of pointsAt(image, number)) near(sight.pixel(x, y), shown(image, value, sight.state.window), 3 + image.tolerance, `${name} ${number} (${x}, ${y}) on the screen`);
        await page.keyboard.press("t");
      }
      await picture(page, `truth-${name}`);
    });
  }
});

describe("millimetres", () => {
  const [from, to] = [[10, 10], [60, 50]];
  for (const name of NAMES) {
    test(name, async () => {
      const image = named(name);
      const { page } = desk;
      const pane = await show(page, image);
      const [down, across] = image.spacing ?? [1, 1];
      for (const [a, b] of [[from, to], [[20, 60], [80, 60]], [[30, 5], [30, 65]]]) {
        const before = (await measurements(page)).map(({ id }) => id);
        await draw(page, pane, "l", [a, b]);
        await page.waitForFunction((count) => document.querySelectorAll('[data-testid="measurements"] li').length === count, before.length + 1);
        const made = (await measurements(page)).find(({ id }) => !before.includes(id));
        const expected = Math.hypot((b[0] - a[0]) * across, (b[1] - a[1]) * down);
        near(made.length.value, expected, expected * 0.005, `${name} from ${a} to ${b}`);
        assert.match(made.length.unit, !image.spacing ? /^px$/ : name === "mono1" ? /^mm .+/ : /^mm$/, "what the number is in; at the detector is not in the patient");
        await page.keyboard.press("Delete");
      }
      assert.deepEqual(await measurements(page), []);
      // the bar beside the picture is as long as it says
      const bar = pane.locator("[data-scale-mm]");
      assert.equal(await bar.count(), image.spacing ? 1 : 0);
      if (image.spacing) {
        const { transform } = await stateOf(pane);
        const said = Number(await bar.getAttribute("data-scale-mm"));
        const { width } = await bar.evaluate((element) => ({ width: element.offsetWidth }));
        near(width, (said * transform[0]) / across, 1.5, `the bar of ${said} mm`);
      }
    });
  }
});

/** Where the bright block is on the screen: the middle of all that is brighter than anything of the ramp. */
function blockIn(sight, image, { invert = false } = {}) {
  const scale = SCALE[image.name] ?? 1;
  const high = pointsAt(image, 0).find(({ x, y }) => x === 95 && y === 71).value + BLOCK.over * 0.25 * scale;
  const grey = shade(high, sight.state.window);
  let [x, y, count] = [0, 0, 0];
  for (let row = 0; row < sight.height; row += 2) {
    for (let column = 0; column < sight.width; column += 2) {
      const [level] = sight.at(column, row);
      if (invert ? level < 255 - grey : level > grey) [x, y, count] = [x + column, y + row, count + 1];
    }
  }
  assert.ok(count > 100, "the block is seen");
  return [x / count, y / count];
}

describe("sides", () => {
  for (const name of ["ct", "mr"]) {
    test(`${name}: the letters go with the picture, however it is turned`, async () => {
      const image = named(name);
      const { page } = desk;
      const pane = await show(page, image);
      await turnTo(page, pane, image, 0);
      // above all of the ramp in this picture and below the block
      await page.keyboard.press("t");
      for (const keys of ["", "h", "v", "h", "v", "r", "h", "r", "r", "Shift+R", "v", "Escape"]) {
        if (keys) await page.keyboard.press(keys);
        await page.mouse.move(2, 2);
        const sight = await seen(page, pane);
        const { width, height } = sight.state.box;
        const at = blockIn(sight, image);
        // the block is nearer to its side than to any other
        assert.equal(sideOf(sight.state, at, { width, height }), image.letters[1], `after "${keys}" the block is at ${at.map(Math.round)} of ${width} x ${height}, edges ${JSON.stringify(sight.state.edges)}`);
        const { edges } = sight.state;
        assert.deepEqual([edges.left, edges.right, edges.top, edges.bottom].sort(), [...image.letters].sort());
      }
      await page.keyboard.press("t");
    });
  }

  test("inverted twice is as before, and inverted once the other way round", async () => {
    const image = named("mono1");
    const { page } = desk;
    const pane = await show(page, image);
    await page.keyboard.press("t");
    await page.keyboard.press("i");
    const sight = await seen(page, pane);
    for (const { x, y, value } of image.points) near(sight.pixel(x, y)[0], 255 - shown(image, value, STORED.mono1)[0], 3, `(${x}, ${y})`);
    await page.keyboard.press("i");
    const again = await seen(page, pane);
    for (const { x, y, value } of image.points) near(again.pixel(x, y)[0], shown(image, value, STORED.mono1)[0], 3, `(${x}, ${y})`);
    await page.keyboard.press("t");
  });
});

/** A stack along the axes of the body, as inputs/truth.py places it: each axis of the voxels with where it leads and how far apart. */
const GEOMETRY = {
  ct: { axes: [["x", 1, 96, 0.5], ["y", 1, 72, 0.75], ["z", 1, 24, 2.5]], origin: { x: -23.75, y: -26.625, z: 0 }, value: ([x, y, z]) => 2 * stored(100, x, y, z) - 1024 },
  // the rows of a sagittal picture lead to the back, its columns to the feet, and its stack to the right
  mr: { axes: [["y", 1, 96, 0.5], ["z", -1, 72, 0.75], ["x", -1, 12, 2.5]], origin: { x: 0, y: -23.75, z: 26.625 }, value: ([x, y, z]) => stored(-2000, x, y, z) },
};
const stored = (base, x, y, z) => base + 7 * x + 3 * y + 40 * z + (x >= 64 && x < 80 && y >= 24 && y < 40 ? 900 : 0);
/** Where a plane's columns, rows and stack lead: to the left (x), back (y), head (z). */
const PLANES = {
  axial: { leads: [["x", 1], ["y", 1], ["z", -1]], letters: { left: "R", right: "L", top: "A", bottom: "P" } },
  coronal: { leads: [["x", 1], ["z", -1], ["y", 1]], letters: { left: "R", right: "L", top: "H", bottom: "F" } },
  sagittal: { leads: [["y", 1], ["z", -1], ["x", 1]], letters: { left: "A", right: "P", top: "H", bottom: "F" } },
};

/** A voxel in a plane: column, row and number of the picture, from 0. */
function inPlane({ axes }, plane, voxel) {
  return PLANES[plane].leads.map(([letter, sign]) => {
    const at = axes.findIndex(([name]) => name === letter);
    const [, own, count] = axes[at];
    return own === sign ? voxel[at] : count - 1 - voxel[at];
  });
}

function inPatient({ axes, origin }, voxel) {
  const point = { ...origin };
  axes.forEach(([letter, sign, , gap], at) => (point[letter] += sign * voxel[at] * gap));
  return [point.x, point.y, point.z];
}

describe("three planes", () => {
  for (const name of ["ct", "mr"]) {
    test(name, async () => {
      const image = named(name);
      const { page } = desk;
      await show(page, image);
      await page.keyboard.press("m");
      for (const plane of Object.keys(PLANES)) await ready(page, plane);
      await page.keyboard.press("d");
      const geometry = GEOMETRY[name];
      const deep = image.count;
      const voxels = [[0, 0, 0], [95, 71, deep - 1], [48, 36, deep >> 1], [70, 30, 3], [20, 50, deep - 2], [72, 32, 1]];
      for (const plane of Object.keys(PLANES)) {
        const pane = paneOf(page, plane);
        const counts = PLANES[plane].leads.map(([letter]) => geometry.axes.find(([axis]) => axis === letter)[2]);
        const state = await stateOf(pane);
        assert.deepEqual(state.edges, PLANES[plane].letters, plane);
        assert.equal(state.count, counts[2]);
        const gaps = PLANES[plane].leads.map(([letter]) => geometry.axes.find(([axis]) => axis === letter)[3]);
        near(state.spacing.split(",").map(Number), [gaps[1], gaps[0]], 1e-6, `spacing of ${plane}`);
        near((state.transform[0] / state.transform[3]) * (gaps[1] / gaps[0]), 1, 0.001, `a millimetre is as long across as down in ${plane}`);
        await pane.focus();
        for (const voxel of voxels) {
          const [x, y, number] = inPlane(geometry, plane, voxel);
          await goTo(page, pane, number + 1);
          const read = await probe(page, pane, x, y);
          assert.equal(read.value, geometry.value(voxel), `${plane} voxel ${voxel}`);
          near(read.point, inPatient(geometry, voxel), 0.2, `${plane} voxel ${voxel} in the patient`);
        }
        await page.keyboard.press("x");
        const level = await seen(page, pane);
        await page.keyboard.press("x");
        const [x, y] = inPlane(geometry, plane, voxels.at(-1));
        near(level.pixel(x, y)[0], shade(geometry.value(voxels.at(-1)), level.state.window), 4, `${plane} on the screen`);
      }
      await picture(page, `truth-planes-${name}`);
      // a length in a plane that was cut: across and down have different millimetres
      const pane = paneOf(page, "coronal");
      await pane.focus();
      const { count } = await stateOf(pane);
      await goTo(page, pane, count >> 1);
      const gaps = PLANES.coronal.leads.map(([letter]) => geometry.axes.find(([axis]) => axis === letter)[3]);
      const counts = PLANES.coronal.leads.map(([letter]) => geometry.axes.find(([axis]) => axis === letter)[2]);
      const [from, to] = [[counts[0] * 0.2, counts[1] * 0.2], [counts[0] * 0.7, counts[1] * 0.8]];
      await draw(page, pane, "l", [from, to]);
      const list = await measurements(page);
      const expected = Math.hypot((to[0] - from[0]) * gaps[0], (to[1] - from[1]) * gaps[1]);
      near(list.at(-1).length.value, expected, expected * 0.005, "across a cut");
      await page.keyboard.press("Delete");
      await page.keyboard.press("m");
    });
  }

  test("the crosshair leads all three planes to one point", async () => {
    const image = named("ct");
    const { page } = desk;
    await show(page, image);
    await page.keyboard.press("m");
    for (const plane of Object.keys(PLANES)) await ready(page, plane);
    const voxel = [72, 32, 7];
    const geometry = GEOMETRY.ct;
    const axial = paneOf(page, "axial");
    await axial.focus();
    const [x, y, number] = inPlane(geometry, "axial", voxel);
    await goTo(page, axial, number + 1);
    await page.keyboard.press("c");
    await page.mouse.click(...toScreen(await stateOf(axial), [x + 0.5, y + 0.5]));
    for (const plane of ["coronal", "sagittal"]) {
      const pane = paneOf(page, plane);
      const [column, row, at] = inPlane(geometry, plane, voxel);
      await page.locator(`[data-pane="${plane}"][data-image-index="${at + 1}"][data-state=ready]`).waitFor();
      const cross = (await pane.locator("[data-crosshair]").getAttribute("data-crosshair")).split(",").map(Number);
      const state = await stateOf(pane);
      near(cross, toScreen({ ...state, box: { x: 0, y: 0 } }, [column + 0.5, row + 0.5]), 1.5, `the crosshair in ${plane}`);
      assert.equal((await probe(page, pane, column, row)).value, geometry.value(voxel));
    }
    await page.keyboard.press("m");
  });
});

const rendered = (image, number, query = "") =>
  `/dicom-web/studies/${image.study}/series/${image.series}/instances/${instanceOf(image, number)}/frames/${frameOf(image, number)}/rendered${query}`;

describe("the server's pictures", () => {
  /** A window in the middle of the values, so that nothing of the points is cut off; none for colours. */
  const windowOf = (image) => {
    const all = image.points.map(({ value }) => value);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    return { center: Math.round((low + high) / 2), width: Math.round((high - low) * 1.25) };
  };
  for (const name of NAMES) {
    test(name, async () => {
      const image = named(name);
      const window = COLOUR.has(name) ? undefined : windowOf(image);
      const forms = window ? ["linear", "linear-exact"] : [""];
      for (const number of numbersOf(image)) {
        for (const form of forms) {
          const query = window ? `?window=${window.center},${window.width},${form}` : "";
          const expected = ({ value }) => shown(image, value, window && { ...window, function: form === "linear" ? "LINEAR" : "LINEAR_EXACT" });
          const answer = await fetch(server.url + rendered(image, number, query), { headers: { Authorization: `Bearer ${token}`, Accept: "image/png" } });
          assert.equal(answer.status, 200);
          const png = PNG.sync.read(Buffer.from(await answer.arrayBuffer()));
          assert.deepEqual([png.width, png.height], [image.columns, image.rows]);
          for (const point of pointsAt(image, number)) {
            const at = (point.y * png.width + point.x) * 4;
            near([...png.data.subarray(at, at + 3)], expected(point), 1 + image.tolerance, `${name} ${number} ${form} PNG (${point.x}, ${point.y})`);
          }
          const jpeg = await desk.page.evaluate(
            async ([url, points]) => {
              const bitmap = await createImageBitmap(await (await fetch(url, { headers: { Accept: "image/jpeg" } })).blob(), { colorSpaceConversion: "none" });
              const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
              const context = canvas.getContext("2d");
              context.drawImage(bitmap, 0, 0);
              return { size: [bitmap.width, bitmap.height], values: points.map(({ x, y }) => [...context.getImageData(x, y, 1, 1).data.slice(0, 3)]) };
            },
            [rendered(image, number, `${query || "?"}&quality=100`), pointsAt(image, number)],
          );
          assert.deepEqual(jpeg.size, [image.columns, image.rows]);
          pointsAt(image, number).forEach((point, at) => near(jpeg.values[at], expected(point), 4 + image.tolerance, `${name} ${number} ${form} JPEG (${point.x}, ${point.y})`));
        }
      }
    });
  }

  test("without a window they are as the viewer shows them first", async () => {
    for (const name of ["ct", "mr", "mono1", "jpegls", "frames"]) {
      const image = named(name);
      const pane = await show(desk.page, image);
      await turnTo(desk.page, pane, image, 0);
      const { window } = await stateOf(pane);
      const answer = await fetch(server.url + rendered(image, 0), { headers: { Authorization: `Bearer ${token}`, Accept: "image/png" } });
      const png = PNG.sync.read(Buffer.from(await answer.arrayBuffer()));
      for (const { x, y, value } of pointsAt(image, 0)) near(png.data[(y * png.width + x) * 4], shown(image, value, window)[0], 1.5 + image.tolerance, `${name} (${x}, ${y})`);
    }
  });

  test("in a viewport a millimetre is as long across as down", async () => {
    const image = named("ct");
    const answer = await fetch(server.url + rendered(image, 0, "?viewport=800,800"), { headers: { Authorization: `Bearer ${token}`, Accept: "image/png" } });
    const { width, height } = PNG.sync.read(Buffer.from(await answer.arrayBuffer()));
    near(width / height, (96 * 0.5) / (72 * 0.75), 0.01, "the shape of the picture");
  });
});

describe("on a phone", () => {
  /** The picture in the stage: where it is, and how large a pixel of the image is. */
  async function stageOf(page, image) {
    const stage = page.getByTestId("phone-stage");
    await page.locator("[data-testid=phone-stage][data-state=ready] img").waitFor({ timeout: 30_000 });
    await page.waitForFunction(() => document.querySelector("[data-testid=phone-stage] img")?.complete);
    const facts = await stage.evaluate((element) => {
      const box = element.getBoundingClientRect();
      const picture = element.querySelector("img");
      const edges = Object.fromEntries([...element.querySelectorAll("[data-edge]")].map((letter) => [letter.dataset.edge, letter.textContent]));
      const bar = element.querySelector("[data-scale-mm]");
      return {
        box: { x: box.x, y: box.y, width: box.width, height: box.height },
        natural: [picture.naturalWidth, picture.naturalHeight],
        edges,
        window: element.dataset.window,
        bar: bar && { millimetres: Number(bar.dataset.scaleMm), width: bar.offsetWidth },
      };
    });
    const scale = Math.min(facts.box.width / facts.natural[0], facts.box.height / facts.natural[1]);
    const [width, height] = facts.natural.map((side) => side * scale);
    const [left, top] = [(facts.box.width - width) / 2, (facts.box.height - height) / 2];
    return { ...facts, width, at: (x, y) => [left + ((x + 0.5) / image.columns) * width, top + ((y + 0.5) / image.rows) * height] };
  }

  for (const name of NAMES) {
    test(name, async () => {
      const image = named(name);
      const { page } = phone;
      await page.goto(`/studies/${image.study}?instance=${instanceOf(image, 0)}`);
      const facts = await stageOf(page, image);
      if (image.letters) {
        const [left, right, top, bottom] = image.letters;
        assert.deepEqual(facts.edges, { left, right, top, bottom });
      } else assert.deepEqual(facts.edges, {});
      const [down, across] = image.spacing ?? [1, 1];
      near(facts.natural[0] / facts.natural[1], (image.columns * across) / (image.rows * down), 0.02, "the shape of the picture");
      if (image.spacing) near(facts.bar.width / facts.bar.millimetres, facts.width / (image.columns * across), 0.05, "millimetres of the bar");
      else assert.equal(facts.bar, null);
      await page.getByRole("button", { name: "Texts on the picture" }).tap();
      await page.waitForFunction(() => !document.querySelector("[data-testid=phone-stage] [data-scale-mm]"));
      const sight = PNG.sync.read(await page.screenshot({ clip: facts.box, scale: "css" }));
      const [center, width, form] = facts.window?.split(",") ?? [];
      for (const { x, y, value } of pointsAt(image, 0)) {
        const found = between(sight, ...facts.at(x, y));
        // edges of a picture that was made larger mix with nothing but themselves; JPEG of quality 85
        if (facts.window) near(found, shown(image, value, { center: Number(center), width: Number(width), function: form }), 6, `${name} (${x}, ${y})`);
        else if (COLOUR.has(name)) near(found, value, 8, `${name} (${x}, ${y})`);
      }
      await page.getByRole("button", { name: "Texts on the picture" }).tap();
    });
  }

  test("a finger goes through the stack", async () => {
    const image = named("ct");
    const { page } = phone;
    await page.goto(`/studies/${image.study}`);
    await stageOf(page, image);
    const slider = page.getByRole("slider");
    await slider.focus();
    await page.keyboard.press("End");
    await page.locator(`[data-testid=phone-stage][data-image-index="${image.count}"]`).waitFor();
    await page.waitForURL((url) => url.searchParams.get("instance") === instanceOf(image, image.count - 1));
  });
});

test("nothing went wrong on the pages meanwhile", () => {
  for (const visitor of [desk, phone]) {
    assert.deepEqual(visitor.errors, []);
    assert.deepEqual(visitor.foreign, []);
  }
});
