// What a drawn shape measures, on the values of the picture it lies on.
import type { Picture, SpacingKind } from "../dicom/images.ts";
import type { V2 } from "../dicom/planes.ts";
import type { Pixels } from "../dicom/pixels.ts";

export type Kind = "length" | "angle" | "ellipse" | "probe";
export const KINDS: readonly Kind[] = ["length", "angle", "ellipse", "probe"];
export const POINTS: Record<Kind, number> = { length: 2, angle: 3, ellipse: 2, probe: 1 };

/** Points are in the pixels of the picture: (0, 0) is the corner of the first one. */
export interface Measurement {
  id: string;
  kind: Kind;
  series: string;
  instance: string;
  frame: number;
  points: V2[];
  created: string;
  result?: Result;
}

export interface Result {
  /** Millimetres, or pixels where the picture has no scale. */
  length?: number;
  degrees?: number;
  /** Square millimetres or pixels. */
  area?: number;
  mean?: number;
  deviation?: number;
  least?: number;
  most?: number;
  count?: number;
  value?: number;
  colour?: [number, number, number];
  unit: string;
  scale: SpacingKind;
}

export interface KeyImage {
  series: string;
  instance: string;
  frame: number;
  created: string;
}

export const placeOf = ({ instance, frame }: { instance: string; frame: number }) => `${instance}/${frame}`;

/** The scale that holds at a point: ultrasound has regions of their own. */
export function scaleAt(picture: Picture, [x, y]: V2): { spacing: V2; scale: SpacingKind } {
  const region = picture.regions.find(({ from, to }) => x >= from[0] && y >= from[1] && x < to[0] && y < to[1]);
  return region ? { spacing: region.spacing, scale: "patient" } : { spacing: picture.spacing, scale: picture.spacingKind };
}

export function measure(kind: Kind, points: readonly V2[], picture: Picture, pixels: Pixels | undefined): Result {
  const [first, second, third] = points;
  const { spacing, scale } = first ? scaleAt(picture, first) : { spacing: picture.spacing, scale: picture.spacingKind };
  const result: Result = { unit: picture.unit, scale };
  if (!first) return result;
  const between = (a: V2, b: V2): V2 => [(b[0] - a[0]) * spacing[1], (b[1] - a[1]) * spacing[0]];
  if (kind === "length" && second) return { ...result, length: Math.hypot(...between(first, second)) };
  if (kind === "angle" && second && third) {
    const [a, b] = [between(second, first), between(second, third)];
    return { ...result, degrees: (Math.abs(Math.atan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1])) * 180) / Math.PI };
  }
  if (kind === "probe") return { ...result, ...valueOf(first, picture, pixels) };
  if (kind === "ellipse" && second) return { ...result, ...ellipse(first, second, spacing, picture, pixels) };
  return result;
}

function valueOf([x, y]: V2, picture: Picture, pixels: Pixels | undefined): Partial<Result> {
  const at = Math.floor(y) * picture.columns + Math.floor(x);
  if (!pixels || x < 0 || y < 0 || x >= picture.columns || y >= picture.rows) return {};
  if (pixels.colour) {
    const [r, g, b] = pixels.colour.data.subarray(at * 4, at * 4 + 3);
    return { colour: [r!, g!, b!] };
  }
  return { value: pixels.values[at]! * pixels.slope + pixels.intercept };
}

/** Pixels whose centre lies inside the ellipse in the box of two corners. */
function ellipse(a: V2, b: V2, spacing: V2, picture: Picture, pixels: Pixels | undefined): Partial<Result> {
  const [cx, cy] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [rx, ry] = [Math.abs(b[0] - a[0]) / 2, Math.abs(b[1] - a[1]) / 2];
  const area = Math.PI * rx * spacing[1] * ry * spacing[0];
  if (!pixels || pixels.colour || rx === 0 || ry === 0) return { area };
  let [count, sum, least, most] = [0, 0, Infinity, -Infinity];
  const inside: number[] = [];
  for (let row = Math.max(0, Math.floor(cy - ry)); row <= Math.min(picture.rows - 1, Math.ceil(cy + ry)); row++) {
    for (let column = Math.max(0, Math.floor(cx - rx)); column <= Math.min(picture.columns - 1, Math.ceil(cx + rx)); column++) {
      if (((column + 0.5 - cx) / rx) ** 2 + ((row + 0.5 - cy) / ry) ** 2 > 1) continue;
      const value = pixels.values[row * picture.columns + column]! * pixels.slope + pixels.intercept;
      inside.push(value);
      sum += value;
      count += 1;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  if (!count) return { area };
  const mean = sum / count;
  const spread = inside.reduce((all, value) => all + (value - mean) ** 2, 0);
  return { area, mean, deviation: Math.sqrt(spread / count), least, most, count };
}
