import { useShortcuts } from "../../app/shortcuts.ts";
import { type SeriesFacts, hasPictures } from "../dicom/api.ts";
import type { Desk, Tool } from "./desk.ts";

/** The keys of the reader, in groups, as the page of keys lists them; a name is a key in `imaging:viewer.keys`. */
export const KEYS: { group: string; keys: [string[], string][] }[] = [
  {
    group: "go",
    keys: [
      [["↑", "↓"], "scroll"],
      [["Page ↑", "Page ↓"], "ten"],
      [["Home", "End"], "ends"],
      [["←", "→"], "series"],
      [["Tab"], "pane"],
      [["Space"], "cine"],
      [["J", "⇧ J"], "keyImages"],
    ],
  },
  {
    group: "look",
    keys: [
      [["1", "9"], "presets"],
      [["0"], "full"],
      [["[", "]"], "width"],
      [["{", "}"], "center"],
      [["+", "−"], "zoom"],
      [["⇧ ↑ ↓ ← →"], "pan"],
      [["I"], "invert"],
      [["R", "⇧ R"], "rotate"],
      [["H", "V"], "flip"],
      [["Esc"], "reset"],
    ],
  },
  {
    group: "tools",
    keys: [
      [["W"], "window"],
      [["S"], "scrollTool"],
      [["Z"], "zoomTool"],
      [["P"], "panTool"],
      [["L"], "length"],
      [["A"], "angle"],
      [["E"], "ellipse"],
      [["D"], "probe"],
      [["C"], "crosshair"],
      [["Enter"], "cursor"],
      [["Del"], "remove"],
      [["Ctrl Z"], "undo"],
      [["K"], "keyImage"],
    ],
  },
  {
    group: "desk",
    keys: [
      [["Alt 1", "Alt 4"], "layouts"],
      [["M"], "mpr"],
      [["G"], "linked"],
      [["X"], "lines"],
      [["T"], "overlay"],
      [["N"], "hide"],
      [["F"], "panel"],
      [["?"], "help"],
    ],
  },
  {
    group: "mouse",
    keys: [
      [["wheel"], "scroll"],
      [["Ctrl wheel"], "zoom"],
      [["right"], "zoom"],
      [["middle"], "pan"],
      [["double"], "fit"],
    ],
  },
];

export function useReaderShortcuts(desk: Desk, series: readonly SeriesFacts[], on: { panel: () => void; help: () => void }) {
  const by = (step: number) => () => desk.pane.go(desk.pane.index + step);
  const tool = (name: Tool) => () => desk.update({ tool: name });
  const pan = (dx: number, dy: number) => () => desk.pane.view({ pan: [desk.pane.pan[0] + dx, desk.pane.pan[1] + dy] });
  const centre = () => [desk.pane.size[0] / 2, desk.pane.size[1] / 2] as const;
  const preset = (at: number) => () => {
    const chosen = desk.pane.presets()[at];
    if (chosen) desk.pane.apply(chosen);
  };
  const next = (step: number) => () => {
    const pictured = series.filter(hasPictures);
    const now = pictured.findIndex(({ uid }) => uid === desk.place?.series);
    const to = pictured[now + step];
    if (!to || desk.layout === "mpr") return;
    void desk.openSeries(desk.active, { study: desk.study, series: to.uid });
  };
  const key = (step: number) => () => {
    const { keys } = desk.notebook;
    if (!keys.length) return;
    const now = keys.findIndex(({ instance, frame }) => instance === desk.pane.drawn?.instance && frame === desk.pane.drawn.frame);
    desk.jump(keys[(now + step + keys.length) % keys.length]!);
  };
  const remove = () => {
    if (desk.selected) desk.notebook.remove(desk.selected);
  };
  useShortcuts({
    ArrowUp: by(-1),
    ArrowDown: by(1),
    PageUp: by(-10),
    PageDown: by(10),
    Home: by(-Infinity),
    End: by(Infinity),
    ArrowLeft: next(-1),
    ArrowRight: next(1),
    "shift+ArrowUp": pan(0, -20),
    "shift+ArrowDown": pan(0, 20),
    "shift+ArrowLeft": pan(-20, 0),
    "shift+ArrowRight": pan(20, 0),
    "+": () => desk.pane.zoomAt(1.2, centre()),
    "=": () => desk.pane.zoomAt(1.2, centre()),
    "-": () => desk.pane.zoomAt(1 / 1.2, centre()),
    "[": () => desk.pane.shiftWindow(-15, 0),
    "]": () => desk.pane.shiftWindow(15, 0),
    "{": () => desk.pane.shiftWindow(0, -10),
    "}": () => desk.pane.shiftWindow(0, 10),
    ...Object.fromEntries(Array.from({ length: 9 }, (_, at) => [String(at + 1), preset(at)])),
    "0": () => desk.pane.apply({ name: "full", kind: "full" }),
    w: tool("window"),
    s: tool("scroll"),
    z: tool("zoom"),
    p: tool("pan"),
    l: tool("length"),
    a: tool("angle"),
    e: tool("ellipse"),
    d: tool("probe"),
    c: () => desk.layout === "mpr" && desk.update({ tool: "crosshair" }),
    o: () => desk.setCine(!desk.cine),
    i: () => desk.pane.view({ invert: !desk.pane.invert }),
    r: () => desk.pane.turn(1),
    "shift+r": () => desk.pane.turn(-1),
    h: () => desk.pane.view({ flipX: !desk.pane.flipX }),
    v: () => desk.pane.view({ flipY: !desk.pane.flipY }),
    Escape: () => desk.pane.reset(),
    k: () => desk.pane.drawn && desk.layout !== "mpr" && desk.notebook.toggleKey(desk.pane.drawn),
    j: key(1),
    "shift+j": key(-1),
    Delete: remove,
    Backspace: remove,
    "mod+z": () => desk.notebook.undo(),
    "alt+1": () => desk.setLayout("1x1", series),
    "alt+2": () => desk.setLayout("1x2", series),
    "alt+3": () => desk.setLayout("2x1", series),
    "alt+4": () => desk.setLayout("2x2", series),
    m: () => (desk.layout === "mpr" ? desk.leaveMpr() : desk.setLayout("mpr")),
    g: () => desk.update({ linked: !desk.linked }),
    x: () => desk.update({ lines: !desk.lines }),
    t: () => desk.update({ overlay: !desk.overlay }),
    n: () => desk.update({ hidden: !desk.hidden }),
    f: on.panel,
    "?": on.help,
  });
}
