// Frames as they come from the server: samples, decoded and little endian.
//
// Why no decoder here: the server decodes JPEG, JPEG-LS, JPEG 2000, HTJ2K and RLE to samples, once, with the codecs that its own
// pictures are made with, so that values agree everywhere. An uncompressed 512 x 512 slice takes it 2 ms; the decoders for a
// browser weigh 0.9 MB more, beside the 0.84 MB (compressed) that the viewer may hardly exceed. Colour comes as a lossless picture with palette, planes and
// colour space already resolved (3 ms), for it is looked at and not measured.
import type { Picture, Table } from "./images.ts";

export type Samples = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array;

/** Pixels of one frame. `values` are what the device measured only after slope and intercept. */
export interface Pixels {
  values: Samples;
  slope: number;
  intercept: number;
  /** RGBA, for colour. */
  colour?: ImageData;
  /** Of the stored values, padding left out. */
  least: number;
  most: number;
  bytes: number;
}

export class Broken extends Error {}

export function samplesOf(picture: Picture, bytes: ArrayBuffer): Pixels {
  const count = picture.rows * picture.columns;
  if (bytes.byteLength < count * (picture.bitsAllocated / 8)) throw new Broken("The frame is shorter than its rows and columns say.");
  let values = view(picture, bytes, count);
  let { slope, intercept } = picture;
  if (picture.content === "samples") extract(picture, values);
  if (picture.modalityTable) {
    values = mapped(values, picture.modalityTable);
    [slope, intercept] = [1, 0];
  }
  const [least, most] = rangeOf(values, picture.modalityTable ? undefined : picture.padding);
  return { values, slope, intercept, least, most, bytes: values.byteLength };
}

function view(picture: Picture, bytes: ArrayBuffer, count: number): Samples {
  if (picture.content === "float") return picture.bitsAllocated === 64 ? Float32Array.from(new Float64Array(bytes, 0, count)) : new Float32Array(bytes, 0, count);
  if (picture.bitsAllocated === 8) return picture.signed ? new Int8Array(bytes, 0, count) : new Uint8Array(bytes, 0, count);
  if (picture.bitsAllocated === 16) return picture.signed ? new Int16Array(bytes, 0, count) : new Uint16Array(bytes, 0, count);
  return picture.signed ? new Int32Array(bytes, 0, count) : new Uint32Array(bytes, 0, count);
}

/** Takes the stored bits out of the allocated ones (PS3.5 §8.1.1): the others may hold overlays or anything. */
function extract({ bitsStored, bitsAllocated, highBit, signed }: Picture, values: Samples) {
  if (bitsStored >= bitsAllocated || bitsStored < 1) return;
  const down = Math.max(0, highBit + 1 - bitsStored);
  const up = 32 - bitsStored;
  for (let at = 0; at < values.length; at++) {
    const bits = (values[at]! >> down) << up;
    values[at] = signed ? bits >> up : bits >>> up;
  }
}

function mapped(values: Samples, { first, entries }: Table): Samples {
  const out = new Float32Array(values.length);
  const last = entries.length - 1;
  for (let at = 0; at < values.length; at++) out[at] = entries[Math.max(0, Math.min(last, values[at]! - first))]!;
  return out;
}

function rangeOf(values: Samples, padding: [number, number] | undefined): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (padding && value >= padding[0] && value <= padding[1]) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least <= most ? [least, most] : [0, 0];
}

/** Pixels of a picture that the server made: RGBA, not turned by any profile. */
export async function colourOf(picture: Picture, blob: Blob): Promise<Pixels> {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context || bitmap.width !== picture.columns || bitmap.height !== picture.rows) throw new Broken("The picture has another size than its rows and columns say.");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const colour = context.getImageData(0, 0, canvas.width, canvas.height);
  return { values: new Uint8Array(0), slope: 1, intercept: 0, colour, least: 0, most: 255, bytes: colour.data.byteLength };
}
