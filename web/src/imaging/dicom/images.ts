// From the metadata of a series to the pictures in it: one for each frame, in the order they are read.
import { type Attributes, inline, items, number, numbers, text, texts } from "./attributes.ts";
import { type Plane, type V2, type V3, direction, dot, planeOf } from "./planes.ts";
import type { Window, WindowFunction } from "./windows.ts";

/** Where a distance comes from: of the patient, at the detector (so too long), or none at all. */
export type SpacingKind = "patient" | "detector" | "none";

export interface Table {
  first: number;
  entries: ArrayLike<number>;
  bits: number;
}

/** A region of ultrasound with a scale of its own (PS3.3 §C.8.5.5), in pixels and millimetres. */
export interface Region {
  from: V2;
  to: V2;
  spacing: V2;
}

export interface Picture {
  /** Names it in the image cache. */
  id: string;
  study: string;
  series: string;
  instance: string;
  /** From 1. */
  frame: number;
  frames: number;
  rows: number;
  columns: number;
  /** `samples`: values that can be measured. `colour`: shown as the server renders it. `float`: Float or Double Float Pixel Data. */
  content: "samples" | "colour" | "float";
  bitsAllocated: number;
  bitsStored: number;
  highBit: number;
  signed: boolean;
  monochrome1: boolean;
  slope: number;
  intercept: number;
  modalityTable?: Table;
  unit: string;
  windows: { window: Window; words: string }[];
  voiTable?: Table;
  padding?: [number, number];
  plane?: Plane;
  /** Where its rows and its columns lead in the patient; projections know no more than that. */
  leads?: { row: V3; column: V3 };
  /** Between rows, between columns; ratio alone where `spacingKind` is `none`. */
  spacing: V2;
  spacingKind: SpacingKind;
  regions: Region[];
  frameOfReference: string;
  thickness?: number;
  number?: number;
  milliseconds?: number;
  attributes: Attributes;
}

export interface Stack {
  study: string;
  series: string;
  modality: string;
  description: string;
  pictures: Picture[];
  /** Instances that are no pictures: documents, reports, videos. */
  others: Attributes[];
}

const MOST_FRAMES = 100_000;
const VIDEO_CLASSES = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.77\.1\.(1|2|4)\.1$/;
const VIDEO_SYNTAXES = /^1\.2\.840\.10008\.1\.2\.4\.10[0-8](\.1)?$/;

/** A stream in a video's own compression: no frame can be taken out of it. */
export const isVideo = (instance: Attributes) => VIDEO_CLASSES.test(text(instance, "00080016")) || VIDEO_SYNTAXES.test(text(instance, "00083002"));

/** Pictures of a series, from its metadata. */
export function stackOf(study: string, series: string, instances: Attributes[]): Stack {
  const pictures: Picture[] = [];
  const others: Attributes[] = [];
  for (const instance of instances) {
    const frames = Math.max(1, Math.min(number(instance, "00280008") ?? 1, MOST_FRAMES));
    if (!number(instance, "00280010") || !number(instance, "00280011") || isVideo(instance)) {
      others.push(instance);
      continue;
    }
    for (let frame = 1; frame <= frames && pictures.length < MOST_FRAMES; frame++) pictures.push(picture(study, series, instance, frame, frames));
  }
  const [first] = instances;
  return { study, series, modality: text(first, "00080060"), description: text(first, "0008103E"), pictures: ordered(pictures), others };
}

function picture(study: string, series: string, instance: Attributes, frame: number, frames: number): Picture {
  const shared = items(instance, "52009229")[0];
  const own = items(instance, "52009230")[frame - 1];
  /** The item that tells `tag` for this frame (PS3.3 §C.7.6.16). */
  const group = (sequence: string, tag: string) =>
    [items(own, sequence)[0], items(shared, sequence)[0], instance].find((item) => item?.[tag]?.Value !== undefined) ?? instance;
  const uid = text(instance, "00080018");
  const rows = number(instance, "00280010") ?? 0;
  const columns = number(instance, "00280011") ?? 0;
  const bitsAllocated = number(instance, "00280100") ?? 8;
  const bitsStored = number(instance, "00280101") ?? bitsAllocated;
  const photometric = text(instance, "00280004");
  const samples = number(instance, "00280002") ?? 1;
  const float = instance["7FE00008"] !== undefined || instance["7FE00009"] !== undefined;
  const measured = samples === 1 && photometric.startsWith("MONOCHROME") && [8, 16, 32].includes(bitsAllocated);
  const { spacing, kind } = spacingOf(instance, group("00289110", "00280030"));
  const values = group("00289145", "00281053");
  const shades = group("00289132", "00281050");
  const slope = number(values, "00281053");
  const modality = text(instance, "00080060");
  const padding = number(instance, "00280120");
  const position = numbers(group("00209113", "00200032"), "00200032");
  const orientation = numbers(group("00209116", "00200037"), "00200037");
  return {
    id: `frame:${study}/${series}/${uid}/${frame}`,
    study,
    series,
    instance: uid,
    frame,
    frames,
    rows,
    columns,
    content: float ? "float" : measured ? "samples" : "colour",
    bitsAllocated: instance["7FE00009"] ? 64 : float ? 32 : bitsAllocated,
    bitsStored,
    highBit: number(instance, "00280102") ?? bitsStored - 1,
    signed: number(instance, "00280103") === 1,
    // a radiograph for presentation says it twice, and means it once (PS3.3 §C.11.6)
    monochrome1: photometric === "MONOCHROME1" || (photometric === "MONOCHROME2" && text(instance, "20500020") === "INVERSE"),
    slope: slope && Number.isFinite(slope) ? slope : 1,
    intercept: number(values, "00281052") ?? 0,
    modalityTable: table(items(instance, "00283000")[0]),
    unit: unitOf(instance, values, modality),
    windows: windowsOf(shades),
    voiTable: table(items(shades, "00283010")[0] ?? items(instance, "00283010")[0]),
    padding: padding === undefined ? undefined : range(padding, number(instance, "00280121") ?? padding),
    // without a scale of the patient's there is no place in the patient's space
    plane: kind === "patient" ? planeOf(position, orientation, spacing) : undefined,
    leads: leadsOf(instance, planeOf(position, orientation, spacing)),
    spacing,
    spacingKind: kind,
    regions: regionsOf(instance),
    frameOfReference: text(instance, "00200052"),
    thickness: number(group("00289110", "00180050"), "00180050"),
    number: number(instance, "00200013"),
    milliseconds: pace(instance, frame),
    attributes: instance,
  };
}

/** Of the plane, else as Patient Orientation says. */
function leadsOf(instance: Attributes, plane: Plane | undefined): Picture["leads"] {
  if (plane) return { row: plane.row, column: plane.column };
  const [row, column] = texts(instance, "00200020").map(direction);
  return row && column && Math.abs(dot(row, column)) < 0.5 ? { row, column } : undefined;
}

const range = (a: number, b: number): [number, number] => [Math.min(a, b), Math.max(a, b)];

/** Pixel Spacing, else Imager Pixel Spacing (for projections), else the shape of a pixel alone (PS3.3 §10.7). */
function spacingOf(instance: Attributes, measures: Attributes): { spacing: V2; kind: SpacingKind } {
  const valid = (values: number[]): values is [number, number] => values.length === 2 && values.every((value) => value > 0);
  const pixel = numbers(measures, "00280030");
  if (valid(pixel)) return { spacing: pixel, kind: "patient" };
  for (const tag of ["00181164", "00182010"]) {
    const imager = numbers(instance, tag);
    if (valid(imager)) return { spacing: imager, kind: "detector" };
  }
  const ratio = numbers(instance, "00280034");
  return { spacing: valid(ratio) ? [ratio[0] / ratio[1], 1] : [1, 1], kind: "none" };
}

function regionsOf(instance: Attributes): Region[] {
  return items(instance, "00186011").flatMap((item) => {
    const [x, y] = [number(item, "0018602C"), number(item, "0018602E")];
    const centimetres = number(item, "00186024") === 3 && number(item, "00186026") === 3;
    if (!centimetres || !x || !y) return [];
    const at = (tag: string) => number(item, tag) ?? 0;
    const region: Region = { from: [at("00186018"), at("0018601A")], to: [at("0018601C") + 1, at("0018601E") + 1], spacing: [Math.abs(y) * 10, Math.abs(x) * 10] };
    return [region];
  });
}

function unitOf(instance: Attributes, values: Attributes, modality: string): string {
  const type = text(values, "00281054");
  if (type && type !== "US") return type;
  if (modality === "CT" && values["00281053"]) return "HU";
  if (modality === "PT") return text(instance, "00541001");
  return "";
}

function windowsOf(shades: Attributes): Picture["windows"] {
  const said = text(shades, "00281056").toUpperCase().replace("-", "_");
  const form: WindowFunction = said === "SIGMOID" || said === "LINEAR_EXACT" ? said : "LINEAR";
  const widths = numbers(shades, "00281051");
  const words = texts(shades, "00281055");
  return numbers(shades, "00281050").flatMap((center, at) => {
    const width = widths[at];
    if (width === undefined || !(form === "LINEAR" ? width >= 1 : width > 0)) return [];
    return [{ window: { center, width, function: form }, words: words[at] ?? "" }];
  });
}

/** LUT Descriptor and LUT Data (PS3.3 §C.11.1.1.1). Tables that did not come with the metadata are left to the server's rendering. */
function table(item: Attributes | undefined): Table | undefined {
  const [count, first, bits] = numbers(item, "00283002");
  if (!item || count === undefined || first === undefined || bits === undefined) return undefined;
  const length = count === 0 ? 65_536 : count;
  const listed = numbers(item, "00283006");
  if (listed.length >= length) return { first, bits, entries: listed.slice(0, length) };
  const bytes = inline(item, "00283006");
  if (!bytes) return undefined;
  if (bytes.length >= length * 2) return { first, bits, entries: new Uint16Array(bytes.buffer, 0, length) };
  return bytes.length >= length ? { first, bits, entries: bytes.slice(0, length) } : undefined;
}

function pace(instance: Attributes, frame: number): number | undefined {
  const vector = numbers(instance, "00181065");
  if (vector.length > 1) return vector[Math.min(frame, vector.length - 1)];
  const rate = number(instance, "00180040") ?? number(instance, "00082144");
  return number(instance, "00181063") ?? (rate ? 1000 / rate : undefined);
}

/** By place along the normal where all lie in parallel planes, in the direction the instances are numbered; else by number. */
function ordered(pictures: Picture[]): Picture[] {
  const byNumber = (a: Picture, b: Picture) => (a.number ?? 0) - (b.number ?? 0) || a.instance.localeCompare(b.instance) || a.frame - b.frame;
  const numbered = [...pictures].sort(byNumber);
  const normal = numbered[0]?.plane?.normal;
  const level = normal && numbered.every(({ plane }) => plane && dot(plane.normal, normal) > 0.999);
  if (!normal || !level || numbered.length < 2) return numbered;
  const place = new Map(numbered.map((picture) => [picture, dot(picture.plane!.origin, normal)]));
  if (new Set([...place.values()].map((mm) => mm.toFixed(2))).size !== numbered.length) return numbered;
  const sign = Math.sign(place.get(numbered.at(-1)!)! - place.get(numbered[0]!)!) || 1;
  return numbered.sort((a, b) => sign * (place.get(a)! - place.get(b)!));
}
