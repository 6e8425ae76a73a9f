// The viewer as a hand and an eye meet it: points of a picture on the screen, what is read there, what stands on the edges.
import assert from "node:assert/strict";
import { PNG } from "pngjs";

/** A pane by its name: `1` to `4`, or a plane of the body. */
export const paneOf = (page, name = "1") => page.locator(`[data-testid=pane][data-pane="${name}"]`);

/** The pane, once it shows what it was asked for. */
export async function ready(page, name = "1") {
  const pane = paneOf(page, name);
  await page.locator(`[data-testid=pane][data-pane="${name}"][data-state=ready]`).waitFor({ timeout: 60_000 });
  return pane;
}

/** What a pane says about itself, and where it is on the screen. */
export async function stateOf(pane) {
  return pane.evaluate((element) => {
    const box = element.getBoundingClientRect();
    const edges = Object.fromEntries([...element.querySelectorAll("[data-edge]")].map((letter) => [letter.dataset.edge, letter.textContent]));
    const { transform = "", window: level = "", ...rest } = element.dataset;
    const [center, width, form] = level.split(",");
    return {
      ...rest,
      index: Number(rest.imageIndex),
      count: Number(rest.imageCount),
      zoom: Number(rest.zoom),
      window: level && { center: Number(center), width: Number(width), function: form },
      transform: transform.split(",").map(Number),
      box: { x: box.x, y: box.y, width: box.width, height: box.height },
      edges,
    };
  });
}

/** The same when it no longer moves: a panel that opens makes the pane smaller, and the picture follows a frame later. */
export async function stillStateOf(pane) {
  await pane.evaluate(async (element) => {
    const look = () => JSON.stringify([element.dataset.transform, element.getBoundingClientRect()]);
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    let [before, alike] = [look(), 0];
    while (alike < 4) {
      await frame();
      const now = look();
      alike = now === before ? alike + 1 : 0;
      before = now;
    }
  });
  return stateOf(pane);
}

/** Where a point of the picture is on the screen; (0.5, 0.5) is the middle of the first pixel. */
export function toScreen({ transform: [a, b, c, d, e, f], box }, [x, y]) {
  return [box.x + a * x + c * y + e, box.y + b * x + d * y + f];
}

/** What the readout says with the mouse in the middle of a pixel. */
export async function probe(page, pane, x, y) {
  const [left, top] = toScreen(await stateOf(pane), [x + 0.5, y + 0.5]);
  await page.mouse.move(left, top);
  const read = pane.locator(`[data-probe][data-column="${x}"][data-row="${y}"]`);
  await read.waitFor({ timeout: 5000 });
  const { value, unit, point } = await read.evaluate((element) => ({ ...element.dataset }));
  const parts = value.split(",").map(Number);
  return { value: parts.length === 1 ? parts[0] : parts, unit, point: point?.split(",").map(Number), words: await read.innerText() };
}

/** Presses a key and waits until the pane shows another picture. */
export async function step(page, pane, key) {
  const before = await pane.getAttribute("data-image-index");
  await page.keyboard.press(key);
  await page.waitForFunction(([element, was]) => element.dataset.state === "ready" && element.dataset.imageIndex !== was, [await pane.elementHandle(), before], { timeout: 30_000 });
}

/** Goes to a picture of the stack with the keys. */
export async function goTo(page, pane, wanted) {
  for (let steps = 0; steps < 100; steps += 1) {
    const { index, count, state } = await stateOf(pane);
    if (index === wanted && state === "ready") return;
    const off = wanted - index;
    await step(page, pane, wanted === 1 ? "Home" : wanted === count ? "End" : Math.abs(off) >= 10 ? (off > 0 ? "PageDown" : "PageUp") : off > 0 ? "ArrowDown" : "ArrowUp");
  }
  assert.fail(`image ${wanted} was not reached`);
}

/** The pane as it is on the screen, read at points of the picture: `[r, g, b]`. */
export async function seen(page, pane) {
  const state = await stateOf(pane);
  // whole pixels of the screen
  const [left, top] = [Math.ceil(state.box.x), Math.ceil(state.box.y)];
  const clip = { x: left, y: top, width: Math.floor(state.box.x + state.box.width) - left, height: Math.floor(state.box.y + state.box.height) - top };
  const { data, width, height } = PNG.sync.read(await page.screenshot({ clip }));
  const at = (column, row) => [...data.subarray((row * width + column) * 4, (row * width + column) * 4 + 3)];
  return {
    state,
    width,
    height,
    at,
    /** The middle of a pixel, between the pixels of the screen around it. */
    pixel: (x, y) => {
      const [across, down] = toScreen(state, [x + 0.5, y + 0.5]);
      return between({ data, width, height }, across - left, down - top);
    },
  };
}

/** Colour at a place of a screenshot, where (0.5, 0.5) is the middle of its first pixel. */
export function between({ data, width, height }, left, top) {
  const [column, row] = [Math.max(0, Math.min(width - 2, Math.floor(left - 0.5))), Math.max(0, Math.min(height - 2, Math.floor(top - 0.5)))];
  const [right, down] = [Math.max(0, Math.min(1, left - 0.5 - column)), Math.max(0, Math.min(1, top - 0.5 - row))];
  return [0, 1, 2].map((channel) => {
    const value = (dx, dy) => data[((row + dy) * width + column + dx) * 4 + channel];
    return (value(0, 0) * (1 - right) + value(1, 0) * right) * (1 - down) + (value(0, 1) * (1 - right) + value(1, 1) * right) * down;
  });
}

/** Output 0 to 255 of PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2. */
export function shade(value, { center, width, function: form = "LINEAR" }) {
  const [middle, span] = form === "LINEAR" ? [center - 0.5, width - 1] : [center, width];
  return Math.max(0, Math.min(255, ((value - middle) / span + 0.5) * 255));
}

export function near(found, expected, tolerance, words) {
  const all = [found].flat();
  const wanted = [expected].flat();
  assert.ok(
    all.length === wanted.length && all.every((value, at) => Math.abs(value - wanted[at]) <= tolerance),
    `${words}: ${all.join(", ")} instead of ${wanted.map((value) => Number(value.toFixed(3))).join(", ")} (within ${tolerance})`,
  );
}

/** The side of a window on which something lies: the letter that stands there. */
export function sideOf({ edges }, [x, y], { width, height }) {
  const across = (x - width / 2) / width;
  const down = (y - height / 2) / height;
  return Math.abs(across) > Math.abs(down) ? (across > 0 ? edges.right : edges.left) : down > 0 ? edges.bottom : edges.top;
}

/** Draws with a tool in hand: pressed at the first point, let go at the last, clicks between. Points are of the picture. */
export async function draw(page, pane, key, [from, to]) {
  await page.keyboard.press(key);
  const state = await stillStateOf(pane);
  await page.mouse.move(...toScreen(state, from));
  await page.mouse.down();
  await page.mouse.move(...toScreen(state, to), { steps: 8 });
  await page.mouse.up();
}

/** The measurements that the panel lists: `{ kind, instance, length: { value, unit, words }, … }`. Opens the panel. */
export async function measurements(page) {
  const list = page.getByTestId("measurements");
  if ((await list.count()) === 0) await page.keyboard.press("f");
  await list.waitFor({ state: "attached" });
  return list.locator("li").evaluateAll((items) =>
    items.map((item) => ({
      id: item.dataset.measurement,
      kind: item.dataset.kind,
      instance: item.dataset.instance,
      ...Object.fromEntries([...item.querySelectorAll("[data-measure]")].map((said) => [said.dataset.measure, { value: Number(said.dataset.value), unit: said.dataset.unit, words: said.textContent }])),
    })),
  );
}
