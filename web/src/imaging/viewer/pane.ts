// One pane: a stack of pictures, which of them is shown, and how it lies on the canvas.
import type { Attributes } from "../dicom/attributes.ts";
import type { Picture } from "../dicom/images.ts";
import { type Plane, type V2, type V3, add, dot, letters, times, toPatient } from "../dicom/planes.ts";
import { type Preset, type Window, leastWidth, presetsFor } from "../dicom/windows.ts";
import type { Pixels } from "../dicom/pixels.ts";
import { Sheet, type Shades, type Transform, apply, blank, fullWindow, inverse, place } from "./draw.ts";
import { type Engine, bringEngine, engineNow, withEngine } from "./engine.ts";
import { type Library, Prefetch } from "./library.ts";
import { Changing } from "./store.ts";

export interface Shown {
  modality: string;
  description: string;
  seriesNumber?: number;
}

export class Pane extends Changing {
  pictures: readonly Picture[] = [];
  /** What the series holds beside them. */
  others: readonly Attributes[] = [];
  facts: Shown = { modality: "", description: "" };
  /** The picture that is asked for; `drawn` is the one on the canvas. */
  index = 0;
  drawn: Picture | undefined;
  drawnIndex = -1;
  failure: unknown;
  /** Chosen by somebody; else the image's own. `full`: from its least to its most. */
  window: Window | "full" | undefined;
  invert = false;
  rotation = 0;
  flipX = false;
  flipY = false;
  zoom = 1;
  pan: V2 = [0, 0];
  smooth = true;
  /** How far along the normal this pane stood when scrolling was linked. */
  anchor: number | undefined;
  /** Says that the picture has changed by somebody's wish. */
  onScroll: () => void = () => undefined;
  #canvas: HTMLCanvasElement | undefined;
  #viewport: ReturnType<Engine["openViewport"]> | undefined;
  /** The stack that Cornerstone was told of. */
  #told: readonly Picture[] = [];
  #forgetEngine: () => void = () => undefined;
  #host: HTMLElement | undefined;
  #observer: ResizeObserver | undefined;
  #sheet = new Sheet();
  #prefetch: Prefetch;
  #generation = 0;
  #following = false;
  #direction: 1 | -1 = 1;
  size: V2 = [1, 1];

  constructor(
    readonly id: string,
    readonly library: Library,
  ) {
    super();
    this.#prefetch = new Prefetch(library);
  }

  get picture(): Picture | undefined {
    return this.pictures[this.index];
  }

  /** Of the picture that is drawn, while it is kept. */
  get pixels(): Pixels | undefined {
    return this.drawn && this.library.pixels(this.drawn);
  }

  // --- the element

  attach(element: HTMLDivElement) {
    this.#host = element;
    this.#canvas = canvasIn(element);
    this.#observer = new ResizeObserver(() => this.#fit());
    this.#observer.observe(element);
    this.#fit();
    this.#forgetEngine = withEngine((engine) => {
      this.#viewport = engine.openViewport(this.id, element, (canvas, picture, pixels) => this.#paint(canvas, picture, pixels));
      engine.register(this.pictures);
      // it makes the canvas black; the picture is back before the screen shows that
      this.#fit();
      this.#tell();
    });
    if (this.pictures.length) void this.#stack();
  }

  detach() {
    this.#forgetEngine();
    this.#observer?.disconnect();
    this.#prefetch.stop();
    clearTimeout(this.#settling);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#generation += 1;
    this.#following = false;
    if (this.#viewport) engineNow()?.closeViewport(this.id);
    // pixels of a canvas are given back at once, not when somebody collects them
    if (this.#canvas) this.#canvas.width = this.#canvas.height = 0;
    this.#viewport = this.#canvas = this.#host = undefined;
    this.#told = [];
    this.drawn = undefined;
    this.drawnIndex = -1;
    this.#sheet.clear();
  }

  #fit() {
    const canvas = this.#canvas;
    if (!this.#host || !canvas) return;
    const { clientWidth, clientHeight } = this.#host;
    if (clientWidth === 0 || clientHeight === 0) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    const [width, height] = [Math.round(clientWidth * ratio), Math.round(clientHeight * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    this.size = [clientWidth, clientHeight];
    this.#now();
    this.changed();
  }

  /** With the next frame of the screen. */
  redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#now();
    });
  }

  /** What is asked for where it is here, else what was drawn last. */
  #now(): boolean {
    for (const picture of [this.picture, this.drawn]) {
      const pixels = picture && this.library.pixels(picture);
      if (!pixels || !this.#canvas) continue;
      this.#draw(this.#canvas, picture!, pixels);
      return true;
    }
    return false;
  }

  /** As Cornerstone asks for it: that, else what it has. */
  #paint(canvas: HTMLCanvasElement, other: Picture, otherPixels: Pixels) {
    if (canvas === this.#canvas && !this.#now() && this.pictures.includes(other)) this.#draw(canvas, other, otherPixels);
  }

  #frame = 0;
  #settling: ReturnType<typeof setTimeout> | undefined;

  /** With the next frame of the screen; Cornerstone hears of it when the hand rests, for its way takes two. */
  #drawSoon() {
    clearTimeout(this.#settling);
    const generation = this.#generation;
    this.#settling = setTimeout(() => {
      if (generation !== this.#generation) return;
      this.#tell();
      this.#prefetch.go(this.pictures, this.index, this.#direction);
    }, 150);
    this.redraw();
  }

  /** Tells Cornerstone what is shown. */
  #tell() {
    const viewport = this.#viewport;
    if (!viewport || !this.drawn || this.drawnIndex < 0) return;
    const known = this.#told === this.pictures;
    this.#told = this.pictures;
    const told: Promise<unknown> = known ? viewport.setImageIdIndex(this.drawnIndex) : viewport.setStack(this.pictures.map(({ id }) => id), this.drawnIndex);
    told.catch(() => undefined);
  }

  #draw(canvas: HTMLCanvasElement, picture: Picture, pixels: Pixels) {
    place(canvas, this.#sheet.of(picture, pixels, this.#shades(picture, pixels)), this.transform(picture), this.smooth);
    if (this.drawn === picture && this.drawnIndex >= 0) return;
    this.drawn = picture;
    this.drawnIndex = this.pictures.indexOf(picture);
    if (this.drawnIndex === this.index) this.failure = undefined;
    this.changed();
    bringEngine();
  }

  #shades(picture: Picture, pixels: Pixels): Shades {
    if (pixels.colour) return { window: typeof this.window === "object" ? this.window : undefined, invert: this.invert };
    const window = this.window === "full" ? fullWindow(pixels) : (this.window ?? picture.windows[0]?.window);
    return { window: window ?? (picture.voiTable ? undefined : fullWindow(pixels)), table: picture.voiTable, invert: this.invert };
  }

  // --- the stack

  open(pictures: readonly Picture[], index: number, facts: Shown, keepView = false, others: readonly Attributes[] = []) {
    this.#generation += 1;
    this.#following = false;
    this.#prefetch.stop();
    this.pictures = pictures;
    this.others = others;
    this.facts = facts;
    this.index = clampIndex(index, pictures.length);
    this.failure = undefined;
    this.drawnIndex = -1;
    if (!keepView) {
      this.window = undefined;
      this.#straighten();
      this.drawn = undefined;
      if (this.#canvas) blank(this.#canvas);
    }
    engineNow()?.register(pictures);
    this.changed();
    if (this.#canvas && pictures.length) void this.#stack();
  }

  close() {
    this.open([], 0, { modality: "", description: "" });
    this.#sheet.clear();
    if (this.#canvas) blank(this.#canvas);
  }

  async #stack() {
    const generation = this.#generation;
    const picture = this.picture;
    if (!this.#canvas || !picture) return;
    try {
      await this.library.load(picture);
      if (generation !== this.#generation) return;
      this.#now();
      void this.#follow();
    } catch (error) {
      this.#fail(error, generation);
    }
    if (generation === this.#generation) this.#prefetch.go(this.pictures, this.index, this.#direction);
  }

  #fail(error: unknown, generation: number) {
    if (generation !== this.#generation || (error instanceof DOMException && error.name === "AbortError")) return;
    this.failure = error;
    this.changed();
  }

  retry() {
    this.failure = undefined;
    this.changed();
    void this.#stack();
  }

  go(index: number, byHand = true) {
    const to = clampIndex(index, this.pictures.length);
    if (to === this.index || !this.pictures.length) return;
    this.#direction = to > this.index ? 1 : -1;
    this.index = to;
    this.failure = undefined;
    if (byHand) this.onScroll();
    // what is here is said when it is drawn
    if (!this.library.has(this.pictures[to]!)) this.changed();
    void this.#follow();
  }

  /** Shows what is asked for; while one is on its way the newest wish waits, so that fast scrolling asks for few. */
  async #follow() {
    if (this.picture && this.library.has(this.picture)) return this.#drawSoon();
    if (this.#following || !this.#canvas) return;
    const generation = this.#generation;
    this.#following = true;
    this.#prefetch.stop();
    try {
      for (let picture = this.picture; picture && !this.library.has(picture); picture = this.picture) {
        const wanted = picture;
        const pixels = await this.library.load(wanted).catch((error: unknown) => {
          // somebody has gone on meanwhile: what they look at now matters
          if (wanted === this.picture) throw error;
        });
        if (generation !== this.#generation) return;
        if (pixels && this.#canvas) this.#draw(this.#canvas, wanted, pixels);
        if (wanted === this.picture) break;
      }
      this.#drawSoon();
    } catch (error) {
      this.#fail(error, generation);
    } finally {
      if (generation === this.#generation) {
        this.#following = false;
        this.#prefetch.go(this.pictures, this.index, this.#direction);
      }
    }
  }

  /** The picture nearest to a place along the normal; undefined where there are no planes. */
  nearest(millimetres: number): number | undefined {
    const normal = this.picture?.plane?.normal;
    if (!normal) return undefined;
    let best: number | undefined;
    let distance = Infinity;
    this.pictures.forEach(({ plane }, at) => {
      if (!plane || Math.abs(dot(plane.normal, normal)) < 0.995) return;
      const off = Math.abs(dot(plane.origin, normal) - millimetres);
      if (off < distance) [best, distance] = [at, off];
    });
    return best;
  }

  get along(): number | undefined {
    const plane = this.picture?.plane;
    return plane && dot(plane.origin, plane.normal);
  }

  indexOf(point: V3): number | undefined {
    const normal = this.picture?.plane?.normal;
    return normal && this.nearest(dot(point, normal));
  }

  // --- the view

  /** From the image's pixels to the pane's CSS pixels. */
  transform(picture = this.drawn ?? this.picture): Transform {
    const [width, height] = this.size;
    const { columns, rows, spacing } = picture ?? { columns: 1, rows: 1, spacing: [1, 1] as V2 };
    const least = Math.min(spacing[0], spacing[1]);
    const [across, down] = [spacing[1] / least, spacing[0] / least];
    const turned = this.rotation % 180 !== 0;
    const [wide, high] = turned ? [rows * down, columns * across] : [columns * across, rows * down];
    const scale = Math.min(width / wide, height / high) * this.zoom;
    const angle = (this.rotation * Math.PI) / 180;
    const [cos, sin] = [Math.round(Math.cos(angle)), Math.round(Math.sin(angle))];
    const [fx, fy] = [this.flipX ? -1 : 1, this.flipY ? -1 : 1];
    const [sx, sy] = [across * scale, down * scale];
    const linear = { a: fx * cos * sx, b: fy * sin * sx, c: -fx * sin * sy, d: fy * cos * sy };
    return {
      ...linear,
      e: width / 2 + this.pan[0] - (linear.a * columns + linear.c * rows) / 2,
      f: height / 2 + this.pan[1] - (linear.b * columns + linear.d * rows) / 2,
    };
  }

  toCanvas(point: V2): V2 {
    return apply(this.transform(), point);
  }

  toImage(point: V2): V2 {
    return apply(inverse(this.transform()), point);
  }

  /** Letters at the right, bottom, left and top edge. */
  edges(): { right: string; bottom: string; left: string; top: string } | undefined {
    const picture = this.drawn ?? this.picture;
    if (!picture?.leads) return undefined;
    const { leads, spacing } = picture;
    const back = inverse(this.transform());
    const towards = (x: number, y: number): V3 => {
      const [dx, dy] = [(back.a * x + back.c * y) * spacing[1], (back.b * x + back.d * y) * spacing[0]];
      const direction = add(times(leads.row, dx), leads.column, dy);
      return times(direction, 1 / (Math.hypot(...direction) || 1));
    };
    const [right, bottom] = [towards(1, 0), towards(0, 1)];
    return { right: letters(right), bottom: letters(bottom), left: letters(times(right, -1)), top: letters(times(bottom, -1)) };
  }

  /** Canvas pixels of a millimetre, where the picture has a scale. */
  get pixelsPerMillimetre(): number | undefined {
    const picture = this.drawn ?? this.picture;
    if (!picture || picture.spacingKind === "none") return undefined;
    const { a, b } = this.transform();
    return Math.hypot(a, b) / picture.spacing[1];
  }

  view(change: Partial<Pick<Pane, "invert" | "rotation" | "flipX" | "flipY" | "zoom" | "pan" | "smooth">>) {
    Object.assign(this, change);
    this.zoom = Math.max(0.1, Math.min(this.zoom, 40));
    this.redraw();
    this.changed();
  }

  /** A quarter turn as it is seen, whichever way the picture is flipped. */
  turn(quarters: 1 | -1) {
    const mirrored = this.flipX !== this.flipY;
    this.view({ rotation: (this.rotation + 90 * (mirrored ? -quarters : quarters) + 360) % 360 });
  }

  zoomAt(factor: number, at: V2) {
    const before = this.toImage(at);
    this.zoom = Math.max(0.1, Math.min(this.zoom * factor, 40));
    const after = this.toCanvas(before);
    this.view({ pan: [this.pan[0] + at[0] - after[0], this.pan[1] + at[1] - after[1]] });
  }

  #straighten() {
    Object.assign(this, { invert: false, rotation: 0, flipX: false, flipY: false, zoom: 1, pan: [0, 0] });
  }

  reset() {
    this.window = undefined;
    this.#straighten();
    this.redraw();
    this.changed();
  }

  // --- the window

  presets(): Preset[] {
    return presetsFor(this.facts.modality, (this.drawn ?? this.picture)?.windows ?? []);
  }

  apply(preset: Preset) {
    if (preset.kind === "full") this.window = "full";
    else if (preset.name === "default") this.window = undefined;
    else if (preset.center !== undefined && preset.width !== undefined) this.window = { center: preset.center, width: preset.width, function: preset.function ?? "LINEAR" };
    this.redraw();
    this.changed();
  }

  /** What is in force now, in modality values; undefined for a table. */
  get windowNow(): Window | undefined {
    const [picture, pixels] = [this.drawn, this.pixels];
    if (!picture || !pixels) return typeof this.window === "object" ? this.window : undefined;
    if (pixels.colour) return typeof this.window === "object" ? this.window : { center: 127.5, width: 255, function: "LINEAR_EXACT" };
    return this.#shades(picture, pixels).window;
  }

  /** Moves centre and width by parts of the width, as a drag does. */
  shiftWindow(right: number, down: number) {
    const pixels = this.pixels;
    const now = this.windowNow ?? (pixels && fullWindow(pixels));
    if (!now || !pixels) return;
    const step = Math.max(now.width, fullWindow(pixels).width / 60) / 250;
    this.setWindow({ ...now, center: now.center + down * step, width: Math.max(now.width + right * step, leastWidth(now.function)) });
  }

  setWindow(window: Window) {
    this.window = window;
    this.redraw();
    this.changed();
  }

  // --- reading

  /** Value and place at a point of the image; undefined outside. */
  valueAt([x, y]: V2): { column: number; row: number; value?: number; colour?: [number, number, number]; point?: V3 } | undefined {
    const [picture, pixels] = [this.drawn, this.pixels];
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!picture || !pixels || column < 0 || row < 0 || column >= picture.columns || row >= picture.rows) return undefined;
    const at = row * picture.columns + column;
    const point = picture.plane && toPatient(picture.plane, [x, y]);
    if (pixels.colour) {
      const [r, g, b] = pixels.colour.data.subarray(at * 4, at * 4 + 3);
      return { column, row, colour: [r!, g!, b!], point };
    }
    return { column, row, value: pixels.values[at]! * pixels.slope + pixels.intercept, point };
  }
}

export const clampIndex = (index: number, count: number) => Math.max(0, Math.min(index, count - 1));

/** The middle of a picture, in the patient. */
export function middle(picture: Picture & { plane: Plane }): V3 {
  return toPatient(picture.plane, [picture.columns / 2, picture.rows / 2]);
}


/** The canvas as Cornerstone would make it: it takes this one over when it comes. */
function canvasIn(element: HTMLDivElement): HTMLCanvasElement {
  const holder = document.createElement("div");
  holder.className = "viewport-element";
  holder.style.cssText = "position: relative; width: 100%; height: 100%; overflow: hidden";
  const canvas = document.createElement("canvas");
  canvas.className = "cornerstone-canvas";
  canvas.style.cssText = "position: absolute; width: 100%; height: 100%";
  holder.append(canvas);
  element.replaceChildren(holder);
  return canvas;
}
