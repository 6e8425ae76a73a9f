// A volume from a stack of parallel slices, and pictures cut from it along its three axes, with slabs of any thickness.
import type { Picture } from "../dicom/images.ts";
import { type Anatomical, type Plane, type V3, add, anatomical, dot, minus, times } from "../dicom/planes.ts";
import type { Pixels, Samples } from "../dicom/pixels.ts";
import type { Library } from "../viewer/library.ts";

export type SlabMode = "mip" | "minip" | "mean";
export interface Slab {
  mode: SlabMode;
  /** 0: a single slice. */
  millimetres: number;
}

/** One axis of the volume: where it leads in the patient, how many voxels, how far apart. */
interface Axis {
  direction: V3;
  count: number;
  step: number;
  stride: number;
}

export type Refusal = "few" | "tilted" | "planes" | "sizes" | "colour" | "memory";

export class Unfit extends Error {
  constructor(readonly reason: Refusal) {
    super(reason);
  }
}

/** Slices that a volume can be made of, in the order of their normal, or why not. */
export function slicesFor(pictures: readonly Picture[]): Picture[] {
  const [first] = pictures;
  if (!first || pictures.length < 4) throw new Unfit("few");
  if (pictures.some(({ content }) => content === "colour")) throw new Unfit("colour");
  const plane = first.plane;
  if (!plane || pictures.some((picture) => !picture.plane || dot(picture.plane.normal, plane.normal) < 0.999 || dot(picture.plane.row, plane.row) < 0.999)) throw new Unfit("planes");
  if (pictures.some(({ rows, columns }) => rows !== first.rows || columns !== first.columns)) throw new Unfit("sizes");
  const slices = [...pictures].sort((a, b) => dot(a.plane!.origin, plane.normal) - dot(b.plane!.origin, plane.normal));
  const span = minus(slices.at(-1)!.plane!.origin, slices[0]!.plane!.origin);
  const high = dot(span, plane.normal);
  if (!(high > 0) || new Set(slices.map((slice) => dot(slice.plane!.origin, plane.normal).toFixed(2))).size !== slices.length) throw new Unfit("planes");
  // a tilted gantry shears the stack: more than a pixel over all of it, and reformatted distances would be wrong
  const sideways = Math.hypot(dot(span, plane.row), dot(span, plane.column));
  if (sideways > Math.max(...plane.spacing)) throw new Unfit("tilted");
  return slices;
}

export class Volume {
  readonly bytes: number;
  /** Every how many slices were taken. */
  readonly every: number;
  loaded = 0;
  readonly total: number;
  readonly axes: [Axis, Axis, Axis];
  #values: Samples | undefined;
  #origin: V3;
  #slices: Picture[];
  #places: number[];
  #first: Picture;
  slope = 1;
  intercept = 0;
  least = Infinity;
  most = -Infinity;

  constructor(slices: Picture[], room: number) {
    const [first] = slices;
    if (!first?.plane) throw new Unfit("planes");
    const sameScale = slices.every(({ slope, intercept, modalityTable }) => slope === first.slope && intercept === first.intercept && !modalityTable);
    const wide = !sameScale || first.content === "float" || first.bitsAllocated === 32 ? 4 : first.bitsAllocated === 16 ? 2 : 1;
    const each = first.rows * first.columns * wide;
    this.every = Math.max(1, Math.ceil((each * slices.length) / room));
    if (each * 4 > room || slices.length / this.every < 4) throw new Unfit("memory");
    this.#slices = this.every === 1 ? slices : slices.filter((_, at) => at % this.every === 0);
    this.#first = first;
    const { plane } = first;
    this.#places = this.#slices.map((slice) => dot(minus(slice.plane!.origin, plane.origin), plane.normal));
    const gaps = this.#places.slice(1).map((place, at) => place - this.#places[at]!);
    const usual = [...gaps].sort((a, b) => a - b)[gaps.length >> 1]!;
    const even = (this.#even = gaps.every((gap) => Math.abs(gap - usual) <= usual * 0.02));
    const high = this.#places.at(-1)!;
    const count = even ? this.#slices.length : Math.min(2000, Math.round(high / usual) + 1);
    const step = even ? high / (count - 1) : usual;
    this.bytes = each * count;
    if (this.bytes > room * 2) throw new Unfit("memory");
    this.total = this.#slices.length;
    if (sameScale) [this.slope, this.intercept] = [first.slope, first.intercept];
    const size = first.rows * first.columns;
    this.#origin = plane.origin;
    this.axes = [
      { direction: plane.row, count: first.columns, step: plane.spacing[1], stride: 1 },
      { direction: plane.column, count: first.rows, step: plane.spacing[0], stride: first.columns },
      { direction: plane.normal, count, step, stride: size },
    ];
    const length = size * count;
    this.#values =
      wide === 4 ? new Float32Array(length)
      : wide === 2 ? (first.signed ? new Int16Array(length) : new Uint16Array(length))
      : first.signed ? new Int8Array(length)
      : new Uint8Array(length);
    this.#rescale = !sameScale;
  }

  #rescale: boolean;
  #even: boolean;
  /** Lower slices of the gaps that are filled. */
  #joined = new Set<number>();

  /** Asks for the slices, a few at a time. */
  async fill(library: Library, signal: AbortSignal, progress: () => void) {
    const size = this.axes[2].stride;
    // what is here already comes first, and makes room
    const order = [...this.#slices.keys()];
    if (this.#even) order.sort((a, b) => Number(library.has(this.#slices[b]!)) - Number(library.has(this.#slices[a]!)) || a - b);
    let next = 0;
    const step = async () => {
      while (next < order.length) {
        const at = order[next++]!;
        const picture = this.#slices[at]!;
        const pixels = await library.load(picture, false);
        library.thin(picture);
        if (signal.aborted || !this.#values) throw new DOMException("taken back", "AbortError");
        const low = pixels.least * pixels.slope + pixels.intercept;
        const high = pixels.most * pixels.slope + pixels.intercept;
        this.least = Math.min(this.least, this.#rescale ? low : pixels.least);
        this.most = Math.max(this.most, this.#rescale ? high : pixels.most);
        this.#put(at, pixels, size);
        this.loaded += 1;
        progress();
      }
    };
    await Promise.all([step(), step(), step(), step()]);
    if (this.#waiting.size) throw new Unfit("planes");
  }

  /** Slices that wait for their neighbour, where the volume's steps lie between them. */
  #waiting = new Map<number, Samples>();

  #put(at: number, pixels: Pixels, size: number) {
    const values = this.#values!;
    const source = this.#rescale ? Float32Array.from(pixels.values, (value) => value * pixels.slope + pixels.intercept) : pixels.values;
    const { count, step } = this.axes[2];
    if (count === this.#slices.length && Math.abs(this.#places[at]! - at * step) < step * 0.05) {
      values.set(source, at * size);
      return;
    }
    this.#waiting.set(at, source);
    for (const lower of [at - 1, at]) this.#between(lower, size);
    // a slice that is joined to both its neighbours is not needed any more
    for (const one of [at - 1, at, at + 1]) if ((one === 0 || this.#joined.has(one - 1)) && (one === this.#slices.length - 1 || this.#joined.has(one))) this.#waiting.delete(one);
    if (this.loaded + 1 === this.#slices.length) this.#waiting.clear();
  }

  #between(lower: number, size: number) {
    const [a, b] = [this.#waiting.get(lower), this.#waiting.get(lower + 1)];
    if (!a || !b || this.#joined.has(lower)) return;
    this.#joined.add(lower);
    const [from, to] = [this.#places[lower]!, this.#places[lower + 1]!];
    const { count, step } = this.axes[2];
    for (let k = Math.max(0, Math.ceil(from / step - 1e-6)); k < count && k * step <= to + 1e-6; k++) {
      const part = (k * step - from) / (to - from);
      const base = k * size;
      for (let at = 0; at < size; at++) this.#values![base + at] = a[at]! + (b[at]! - a[at]!) * part;
    }
  }

  free() {
    this.#values = undefined;
    this.#waiting.clear();
  }

  /** The three planes, each as readers expect it: axial and coronal with the patient's left at the right, sagittal with the front at the left. */
  cuts(slab: Slab, suffix: string): { name: Anatomical; pictures: Picture[] }[] {
    const wanted: Record<Anatomical, [V3, V3, V3]> = {
      axial: [[1, 0, 0], [0, 1, 0], [0, 0, -1]],
      coronal: [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
      sagittal: [[0, 1, 0], [0, 0, -1], [1, 0, 0]],
    };
    const names: Anatomical[] = ["axial", "coronal", "sagittal"];
    // each axis of the volume is the normal of one plane; by the closest, without taking one twice
    const free = new Set([0, 1, 2]);
    const normalOf = new Map<Anatomical, number>();
    const order = names.flatMap((name) => [0, 1, 2].map((axis) => ({ name, axis, fit: Math.abs(dot(this.axes[axis]!.direction, wanted[name][2])) }))).sort((a, b) => b.fit - a.fit);
    for (const { name, axis } of order) if (free.has(axis) && !normalOf.has(name)) free.delete(axis), normalOf.set(name, axis);
    return names.map((name) => {
      const through = normalOf.get(name)!;
      const [right, down, deep] = wanted[name];
      const others = [0, 1, 2].filter((axis) => axis !== through);
      const across = others.sort((a, b) => Math.abs(dot(this.axes[b]!.direction, right)) - Math.abs(dot(this.axes[a]!.direction, right)))[0]!;
      const along = others.find((axis) => axis !== across)!;
      const sign = (axis: number, to: V3) => (dot(this.axes[axis]!.direction, to) < 0 ? -1 : 1);
      return { name, pictures: this.#pictures(name, [across, sign(across, right)], [along, sign(along, down)], [through, sign(through, deep)], slab, suffix) };
    });
  }

  #pictures(name: Anatomical, [x, xs]: Signed, [y, ys]: Signed, [z, zs]: Signed, slab: Slab, suffix: string): Picture[] {
    const [ax, ay, az] = [this.axes[x]!, this.axes[y]!, this.axes[z]!];
    const corner = [[ax, xs], [ay, ys], [az, zs]] as const;
    const start = corner.reduce<V3>((at, [axis, sign]) => (sign < 0 ? add(at, axis.direction, (axis.count - 1) * axis.step) : at), this.#origin);
    const [row, column, deep] = [times(ax.direction, xs), times(ay.direction, ys), times(az.direction, zs)];
    return Array.from({ length: az.count }, (_, at) => {
      const origin = add(start, deep, at * az.step);
      const plane: Plane = { origin, row, column, normal: cross(row, column), spacing: [ay.step, ax.step] };
      const slice: Picture = {
        ...this.#first,
        id: `slice:${this.#first.study}/${this.#first.series}/${name}/${suffix}/${at}`,
        instance: `${this.#first.series}#${name}`,
        frame: at + 1,
        frames: az.count,
        rows: ay.count,
        columns: ax.count,
        plane,
        leads: { row, column },
        spacing: [ay.step, ax.step],
        thickness: slab.millimetres || az.step,
        number: at + 1,
        regions: [],
        windows: this.#first.windows,
      };
      sources.set(slice, { volume: this, x: [x, xs], y: [y, ys], z: [z, zs], at, slab });
      return slice;
    });
  }

  cutAt({ x: [x, xs], y: [y, ys], z: [z, zs], at, slab }: Source): Pixels {
    const values = this.#values;
    if (!values) throw new Unfit("memory");
    const [ax, ay, az] = [this.axes[x]!, this.axes[y]!, this.axes[z]!];
    const base = (xs < 0 ? (ax.count - 1) * ax.stride : 0) + (ys < 0 ? (ay.count - 1) * ay.stride : 0);
    const [dx, dy] = [ax.stride * xs, ay.stride * ys];
    const depth = (index: number) => (zs < 0 ? az.count - 1 - index : index) * az.stride;
    const many = Math.max(1, Math.round(slab.millimetres / az.step));
    const from = Math.max(0, at - Math.floor((many - 1) / 2));
    const to = Math.min(az.count - 1, at + Math.ceil((many - 1) / 2));
    const size = ax.count * ay.count;
    const mean = slab.mode === "mean" && to > from;
    const out: Samples = mean ? new Float32Array(size) : new (values.constructor as new (length: number) => Samples)(size);
    for (let k = from; k <= to; k++) {
      let write = 0;
      for (let j = 0; j < ay.count; j++) {
        let read = base + depth(k) + j * dy;
        if (k === from) for (let i = 0; i < ax.count; i++, read += dx) out[write++] = values[read]!;
        else if (slab.mode === "mip") for (let i = 0; i < ax.count; i++, read += dx, write++) { if (values[read]! > out[write]!) out[write] = values[read]!; }
        else if (slab.mode === "minip") for (let i = 0; i < ax.count; i++, read += dx, write++) { if (values[read]! < out[write]!) out[write] = values[read]!; }
        else for (let i = 0; i < ax.count; i++, read += dx) out[write++]! += values[read]!;
      }
    }
    if (mean) for (let i = 0; i < size; i++) out[i]! /= to - from + 1;
    return { values: out, slope: this.slope, intercept: this.intercept, least: this.least, most: this.most, bytes: out.byteLength };
  }

  /** The centre of the voxel in the middle. */
  get centre(): V3 {
    return this.axes.reduce<V3>((at, axis) => add(at, axis.direction, Math.floor((axis.count - 1) / 2) * axis.step), this.#origin);
  }

  get closest(): Anatomical {
    return anatomical(this.axes[2].direction);
  }
}

type Signed = [number, 1 | -1];
interface Source {
  volume: Volume;
  x: Signed;
  y: Signed;
  z: Signed;
  at: number;
  slab: Slab;
}

const sources = new WeakMap<Picture, Source>();

/** Makes the pixels of a slice, when somebody looks at it. */
export function cutSlice(picture: Picture): Pixels {
  const source = sources.get(picture);
  if (!source) throw new Unfit("planes");
  return source.volume.cutAt(source);
}

function cross(a: V3, b: V3): V3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
