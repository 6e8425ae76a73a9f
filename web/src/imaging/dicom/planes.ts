// Planes in the patient's space (PS3.3 §C.7.6.2): x to the left, y to the back, z to the head; millimetres.

export type V3 = readonly [number, number, number];
export type V2 = readonly [number, number];

export interface Plane {
  /** Centre of the first pixel. */
  origin: V3;
  /** Along a row, with the column index. */
  row: V3;
  /** Along a column, with the row index. */
  column: V3;
  normal: V3;
  /** Between rows, between columns. */
  spacing: V2;
}

export const dot = (a: V3, b: V3) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
export const add = (a: V3, b: V3, times = 1): V3 => [a[0] + b[0] * times, a[1] + b[1] * times, a[2] + b[2] * times];
export const minus = (a: V3, b: V3): V3 => add(a, b, -1);
export const times = (a: V3, by: number): V3 => [a[0] * by, a[1] * by, a[2] * by];
export const cross = (a: V3, b: V3): V3 => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
export const length = (a: V3) => Math.hypot(a[0], a[1], a[2]);

export function unit(a: V3): V3 | undefined {
  const size = length(a);
  return size > 1e-9 ? times(a, 1 / size) : undefined;
}

/** Of Image Position and Orientation (Patient); undefined where they make no plane. */
export function planeOf(position: number[], orientation: number[], spacing: V2): Plane | undefined {
  if (position.length !== 3 || orientation.length !== 6) return undefined;
  const row = unit([orientation[0]!, orientation[1]!, orientation[2]!]);
  const column = unit([orientation[3]!, orientation[4]!, orientation[5]!]);
  const normal = row && column && unit(cross(row, column));
  if (!row || !column || !normal) return undefined;
  return { origin: [position[0]!, position[1]!, position[2]!], row, column, normal, spacing };
}

/** Of a point in the image: pixel (0, 0) covers [0, 1) x [0, 1), so its centre is at (0.5, 0.5). */
export function toPatient(plane: Plane, [x, y]: V2): V3 {
  return add(add(plane.origin, plane.row, (x - 0.5) * plane.spacing[1]), plane.column, (y - 0.5) * plane.spacing[0]);
}

export function toImage(plane: Plane, point: V3): V2 {
  const from = minus(point, plane.origin);
  return [dot(from, plane.row) / plane.spacing[1] + 0.5, dot(from, plane.column) / plane.spacing[0] + 0.5];
}

/** Millimetres from the plane, along its normal. */
export const above = (plane: Plane, point: V3) => dot(minus(point, plane.origin), plane.normal);

export const parallel = (a: Plane, b: Plane) => Math.abs(dot(a.normal, b.normal)) > 0.995;

/** Where a direction points to: L or R, P or A, H or F, the strongest first; weak components are left out (PS3.3 §C.7.6.1.1.1). */
export function letters(direction: V3): string {
  const named: [number, string][] = [
    [Math.abs(direction[0]), direction[0] > 0 ? "L" : "R"],
    [Math.abs(direction[1]), direction[1] > 0 ? "P" : "A"],
    [Math.abs(direction[2]), direction[2] > 0 ? "H" : "F"],
  ];
  // 0.1 is about 6 degrees: less does not turn an axial picture into an oblique one
  return named
    .filter(([size]) => size > 0.1)
    .sort(([a], [b]) => b - a)
    .map(([, letter]) => letter)
    .join("");
}

const LEADS: Record<string, V3> = { L: [1, 0, 0], R: [-1, 0, 0], P: [0, 1, 0], A: [0, -1, 0], H: [0, 0, 1], F: [0, 0, -1] };

/** The direction that letters of Patient Orientation name, the strongest first; undefined for other words (PS3.3 §C.7.6.1.1.1). */
export function direction(named: string): V3 | undefined {
  if (!/^[LRPAHF]{1,3}$/.test(named)) return undefined;
  return unit([...named].reduce<V3>((sum, letter, at) => add(sum, LEADS[letter]!, 1 / 2 ** at), [0, 0, 0]));
}

export type Anatomical = "axial" | "coronal" | "sagittal";

/** The plane of the body that a normal is closest to. */
export function anatomical(normal: V3): Anatomical {
  const [x, y, z] = [Math.abs(normal[0]), Math.abs(normal[1]), Math.abs(normal[2])];
  return z >= x && z >= y ? "axial" : y >= x ? "coronal" : "sagittal";
}

/** Where plane `other`, bounded by its image of `columns` x `rows`, cuts image `on`: a line in the pixels of `on`. */
export function cut(on: Plane, size: V2, other: Plane, otherSize: V2): [V2, V2] | undefined {
  const along = unit(cross(on.normal, other.normal));
  if (!along || Math.abs(dot(on.normal, other.normal)) > 0.995) return undefined;
  // a point of both planes: from the other's origin, in its plane, towards ours
  const towards = unit(cross(other.normal, along))!;
  const climb = dot(towards, on.normal);
  if (Math.abs(climb) < 1e-9) return undefined;
  const point = add(other.origin, towards, -above(on, other.origin) / climb);
  // the piece inside both images
  let [from, to] = [-1e6, 1e6];
  const clip = (plane: Plane, [columns, rows]: V2) => {
    for (const [axis, spacing, count] of [[plane.row, plane.spacing[1], columns], [plane.column, plane.spacing[0], rows]] as const) {
      const start = dot(minus(point, plane.origin), axis) / spacing + 0.5;
      const step = dot(along, axis) / spacing;
      if (Math.abs(step) < 1e-9) {
        if (start < 0 || start > count) to = from - 1;
        continue;
      }
      const ends = [-start / step, (count - start) / step];
      from = Math.max(from, Math.min(...ends));
      to = Math.min(to, Math.max(...ends));
    }
  };
  clip(on, size);
  clip(other, otherSize);
  return to > from ? [toImage(on, add(point, along, from)), toImage(on, add(point, along, to))] : undefined;
}
