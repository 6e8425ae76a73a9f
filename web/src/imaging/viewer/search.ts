// What the address of the viewer holds: which picture in which layout, so that a link opens the same; not the window.
import { LAYOUTS, type Layout } from "./layout.ts";

export interface ViewerSearch {
  /** Series of the active pane. */
  series?: string;
  /** SOP Instance UID of its picture. */
  instance?: string;
  /** Frame of a multi-frame instance, from 1. */
  frame?: number;
  layout?: Layout;
  /** Another study of the patient, beside this one. */
  prior?: string;
  /** Series of all panes where there are several, `-` for none. */
  panes?: string;
}

const uid = (value: unknown) => (typeof value === "string" && /^[0-9.]{1,64}$/.test(value) ? value : undefined);

export function validateViewer(search: Record<string, unknown>): ViewerSearch {
  const frame = Number(search.frame);
  return {
    series: uid(search.series),
    instance: uid(search.instance),
    frame: Number.isInteger(frame) && frame > 1 ? frame : undefined,
    layout: LAYOUTS.find((layout) => layout === search.layout && layout !== "1x1"),
    prior: uid(search.prior),
    panes: typeof search.panes === "string" && /^[0-9.,:-]{1,560}$/.test(search.panes) ? search.panes : undefined,
  };
}
