// Draws a frame: values through the modality and VOI transforms to grey, once for each change, then placed on the canvas.
import type { Picture, Table } from "../dicom/images.ts";
import type { Pixels } from "../dicom/pixels.ts";
import { type Window, shade } from "../dicom/windows.ts";

export type Draw = (canvas: HTMLCanvasElement, picture: Picture, pixels: Pixels) => void;
/** Who draws on which canvas. */
export const drawings = new WeakMap<HTMLCanvasElement, Draw>();

/** How values become grey. Without a window the table of the image, and without that its whole range. */
export interface Shades {
  window?: Window;
  table?: Table;
  invert: boolean;
}

/** Modality value to 0..255. */
export function greyOf({ window, table, invert }: Shades, monochrome1: boolean, slope: number, intercept: number): (stored: number) => number {
  const over = invert !== monochrome1;
  let form: (value: number) => number;
  if (window) form = shade(window);
  else if (table) {
    const { first, entries, bits } = table;
    const top = 2 ** bits - 1;
    form = (value) => (entries[Math.max(0, Math.min(entries.length - 1, Math.round(value) - first))]! / top) * 255;
  } else form = (value) => value;
  return over ? (stored) => 255 - form(stored * slope + intercept) : (stored) => form(stored * slope + intercept);
}

/** The window that shows everything: as the server does it, least to most. */
export function fullWindow(pixels: Pixels): Window {
  const ends = [pixels.least * pixels.slope + pixels.intercept, pixels.most * pixels.slope + pixels.intercept];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return { center: (low + high) / 2, width: Math.max(high - low, 1e-6), function: "LINEAR_EXACT" };
}

/** One frame in grey or colour, at its own size, on a canvas that is used again. */
export class Sheet {
  #canvas = document.createElement("canvas");
  #context = this.#canvas.getContext("2d");
  #data: ImageData | undefined;
  #table = new Uint8ClampedArray(0);
  #key = "";

  clear() {
    this.#key = "";
    this.#data = undefined;
    this.#canvas.width = this.#canvas.height = 1;
  }

  of(picture: Picture, pixels: Pixels, shades: Shades): HTMLCanvasElement {
    const key = JSON.stringify([picture.id, shades.window, shades.invert, Boolean(shades.table)]);
    if (key === this.#key && this.#data) return this.#canvas;
    const { columns, rows } = picture;
    if (!this.#data || this.#canvas.width !== columns || this.#canvas.height !== rows) {
      this.#canvas.width = columns;
      this.#canvas.height = rows;
      this.#data = new ImageData(columns, rows);
    }
    if (pixels.colour) this.#colour(pixels.colour, shades);
    else this.#grey(picture, pixels, shades);
    this.#context?.putImageData(this.#data, 0, 0);
    this.#key = key;
    return this.#canvas;
  }

  #grey(picture: Picture, pixels: Pixels, shades: Shades) {
    const out = new Uint32Array(this.#data!.data.buffer);
    const { values, least, most } = pixels;
    const grey = greyOf(shades, picture.monochrome1, pixels.slope, pixels.intercept);
    const count = Math.min(values.length, out.length);
    const whole = !(values instanceof Float32Array) && most - least <= 0xffff;
    if (!whole) {
      for (let at = 0; at < count; at++) {
        const level = clamp(grey(values[at]!));
        out[at] = 0xff000000 | (level << 16) | (level << 8) | level;
      }
      return;
    }
    const size = most - least + 1;
    if (this.#table.length < size) this.#table = new Uint8ClampedArray(size);
    const table = this.#table;
    for (let at = 0; at < size; at++) table[at] = grey(at + least);
    // values outside of least and most are padding: shown as what they say
    const low = clamp(grey(least - 1));
    for (let at = 0; at < count; at++) {
      const index = values[at]! - least;
      const level = index >= 0 && index < size ? table[index]! : index < 0 ? low : clamp(grey(values[at]!));
      out[at] = 0xff000000 | (level << 16) | (level << 8) | level;
    }
  }

  #colour(colour: ImageData, { window, invert }: Shades) {
    const out = this.#data!.data;
    const level = window ? shade(window) : (value: number) => value;
    const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => (invert ? 255 - level(value) : level(value)));
    const from = colour.data;
    for (let at = 0; at < from.length; at += 4) {
      out[at] = table[from[at]!]!;
      out[at + 1] = table[from[at + 1]!]!;
      out[at + 2] = table[from[at + 2]!]!;
      out[at + 3] = 255;
    }
  }
}

const clamp = (value: number) => (value <= 0 ? 0 : value >= 255 ? 255 : Math.round(value));

/** x' = a x + c y + e, y' = b x + d y + f */
export interface Transform {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}

export function apply({ a, b, c, d, e, f }: Transform, [x, y]: readonly [number, number]): [number, number] {
  return [a * x + c * y + e, b * x + d * y + f];
}

export function inverse({ a, b, c, d, e, f }: Transform): Transform {
  const over = 1 / (a * d - b * c);
  return { a: d * over, b: -b * over, c: -c * over, d: a * over, e: (c * f - d * e) * over, f: (b * e - a * f) * over };
}

export function place(canvas: HTMLCanvasElement, sheet: HTMLCanvasElement, to: Transform, smooth: boolean) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const ratio = canvas.clientWidth > 0 ? canvas.width / canvas.clientWidth : 1;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(to.a * ratio, to.b * ratio, to.c * ratio, to.d * ratio, to.e * ratio, to.f * ratio);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "medium";
  context.drawImage(sheet, 0, 0);
}

export function blank(canvas: HTMLCanvasElement) {
  const context = canvas.getContext("2d");
  context?.setTransform(1, 0, 0, 1, 0, 0);
  context?.clearRect(0, 0, canvas.width, canvas.height);
}
