// Windows: VOI LUT functions (PS3.3 §C.11.2) and the presets that readers expect for a modality.

export type WindowFunction = "LINEAR" | "LINEAR_EXACT" | "SIGMOID";

export interface Window {
  center: number;
  width: number;
  function: WindowFunction;
}

export interface Preset extends Partial<Window> {
  /** Key in `imaging:viewer.presets`, or the words of the image itself. */
  name: string;
  own?: string;
  kind: "image" | "full" | "fixed";
}

/** Output 0 to 255. */
export function shade({ center, width, function: form }: Window): (value: number) => number {
  if (form === "SIGMOID") return (value) => 255 / (1 + Math.exp((-4 * (value - center)) / width));
  const [middle, span] = form === "LINEAR" ? [center - 0.5, width - 1] : [center, width];
  if (span <= 0) return (value) => (value <= middle ? 0 : 255);
  return (value) => {
    const part = (value - middle) / span + 0.5;
    return part <= 0 ? 0 : part >= 1 ? 255 : part * 255;
  };
}

export const leastWidth = (form: WindowFunction) => (form === "LINEAR" ? 1 : 1e-6);

const CT: [string, number, number][] = [
  ["softTissue", 40, 400],
  ["lung", -600, 1500],
  ["bone", 480, 2500],
  ["brain", 40, 80],
  ["subdural", 75, 215],
  ["stroke", 35, 40],
  ["mediastinum", 50, 350],
  ["liver", 60, 160],
  ["angiography", 300, 600],
  ["temporalBone", 600, 4000],
];

/** Keys 1 to 9 in this order: first the image's own, then what is usual for the modality, then the whole range. */
export function presetsFor(modality: string, own: { window: Window; words: string }[]): Preset[] {
  const presets: Preset[] = own.length
    ? own.slice(0, modality === "CT" ? 1 : 6).map(({ window, words }, at) => ({ ...window, name: at ? "own" : "default", own: words || undefined, kind: "image" as const }))
    : [{ name: "default", kind: "image" }];
  if (modality === "CT") presets.push(...CT.map(([name, center, width]) => ({ name, center, width, function: "LINEAR" as const, kind: "fixed" as const })));
  presets.push({ name: "full", kind: "full" });
  return presets;
}
