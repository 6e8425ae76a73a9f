export type Layout = "1x1" | "1x2" | "2x1" | "2x2" | "mpr";
export const LAYOUTS: readonly Layout[] = ["1x1", "1x2", "2x1", "2x2", "mpr"];
export const CELLS: Record<Layout, number> = { "1x1": 1, "1x2": 2, "2x1": 2, "2x2": 4, mpr: 3 };
