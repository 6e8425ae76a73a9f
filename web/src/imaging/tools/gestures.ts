// What a hand does on a pane: the tool in hand with the first button or one finger, and what every reader expects of the others.
import type { V2 } from "../dicom/planes.ts";
import { toPatient } from "../dicom/planes.ts";
import type { Desk, Tool } from "../viewer/desk.ts";
import type { Pane } from "../viewer/pane.ts";
import { Changing } from "../viewer/store.ts";
import { type Kind, type Measurement, KINDS, POINTS, measure, placeOf } from "./measure.ts";

type Drag =
  | { kind: "tool"; tool: Tool; last: V2; rest: number }
  | { kind: "handle"; before: Measurement; point: number; moved: boolean }
  | { kind: "shape"; before: Measurement; from: V2; moved: boolean }
  | { kind: "draw"; from: V2 };

const NEAR = 12;
const isKind = (tool: Tool): tool is Kind => KINDS.some((kind) => kind === tool);
const within = (a: V2, b: V2, distance: number) => Math.hypot(a[0] - b[0], a[1] - b[1]) <= distance;

export class Gestures extends Changing {
  /** What is being drawn; its last point follows the hand. */
  draft: Measurement | undefined;
  /** Under the hand, in the image's pixels. */
  hover: V2 | undefined;
  /** Moved with the arrow keys, to measure without a mouse. */
  cursor: V2 | undefined;
  #drag: Drag | undefined;
  #fingers = new Map<number, V2>();
  #wheel = 0;

  constructor(
    readonly desk: Desk,
    readonly pane: Pane,
    readonly element: HTMLElement,
  ) {
    super();
    const options = { signal: this.#gone.signal };
    element.addEventListener("pointerdown", (event) => this.#down(event), options);
    element.addEventListener("pointermove", (event) => this.#move(event), options);
    element.addEventListener("pointerup", (event) => this.#up(event), options);
    element.addEventListener("pointercancel", (event) => this.#up(event), options);
    element.addEventListener("pointerleave", () => this.#leave(), options);
    element.addEventListener("wheel", (event) => this.#scroll(event), { ...options, passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault(), options);
    element.addEventListener("dblclick", () => this.#twice(), options);
  }

  #gone = new AbortController();

  close() {
    this.#gone.abort();
  }

  #at(event: MouseEvent): V2 {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** Shapes of the picture that is shown. */
  get shapes(): Measurement[] {
    const picture = this.pane.drawn;
    return picture ? this.desk.notebook.measurements.filter((one) => placeOf(one) === placeOf(picture)) : [];
  }

  #down(event: PointerEvent) {
    this.desk.activate(this.pane);
    this.desk.touched();
    const at = this.#at(event);
    this.#fingers.set(event.pointerId, at);
    this.element.setPointerCapture(event.pointerId);
    if (this.#fingers.size > 1) {
      // a second finger: pinch and move, whatever the tool
      this.#drag = undefined;
      if (this.draft?.points.length === 2) this.#forget();
      return;
    }
    if (!this.pane.drawn) return;
    const tool: Tool = event.button === 1 ? "pan" : event.button === 2 ? "zoom" : event.shiftKey ? "pan" : this.desk.tool;
    if (event.button === 0 && !event.shiftKey && !this.draft) {
      const held = this.#held(at, event.pointerType === "touch" ? NEAR * 1.8 : NEAR);
      if (held) {
        this.#drag = held;
        this.desk.update({ selected: held.kind === "handle" || held.kind === "shape" ? held.before.id : undefined });
        return;
      }
      if (this.desk.selected) this.desk.update({ selected: undefined });
    }
    if (event.button === 0 && isKind(tool)) {
      this.#point(tool, this.pane.toImage(at), at);
      return;
    }
    if (isKind(tool)) return;
    this.#drag = { kind: "tool", tool, last: at, rest: 0 };
    if (tool === "crosshair") this.#aim(at);
  }

  #held(at: V2, near: number): Drag | undefined {
    for (const before of this.shapes.toReversed()) {
      const handles = handlesOf(before);
      const point = handles.findIndex((handle) => within(this.pane.toCanvas(handle), at, near));
      if (point >= 0) return { kind: "handle", before, point, moved: false };
      if (this.#touches(before, at, near * 0.6)) return { kind: "shape", before, from: this.pane.toImage(at), moved: false };
    }
    return undefined;
  }

  #touches({ kind, points }: Measurement, at: V2, near: number): boolean {
    const on = points.map((point) => this.pane.toCanvas(point));
    const [a, b, c] = on;
    if (!a) return false;
    if (kind === "ellipse" && b) {
      const [cx, cy, rx, ry] = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, Math.abs(b[0] - a[0]) / 2, Math.abs(b[1] - a[1]) / 2];
      if (rx < 1 || ry < 1) return false;
      const off = Math.hypot((at[0] - cx) / rx, (at[1] - cy) / ry);
      return Math.abs(off - 1) * Math.min(rx, ry) < near;
    }
    return (b !== undefined && toLine(at, a, b) < near) || (b !== undefined && c !== undefined && toLine(at, b, c) < near);
  }

  #point(kind: Kind, point: V2, canvas: V2) {
    const picture = this.pane.drawn;
    if (!picture) return;
    if (!this.draft) {
      if (!this.#inside(point)) return;
      const { series, instance, frame } = picture;
      this.draft = { id: crypto.randomUUID(), kind, series, instance, frame, points: [point], created: new Date().toISOString() };
      if (POINTS[kind] === 1) return this.#finish();
      this.draft = { ...this.draft, points: [point, point] };
      this.#drag = { kind: "draw", from: canvas };
    } else {
      this.draft = { ...this.draft, points: this.draft.points.with(-1, point) };
      this.#next(canvas);
    }
    this.changed();
  }

  #inside([x, y]: V2) {
    const picture = this.pane.drawn;
    return picture !== undefined && x >= 0 && y >= 0 && x <= picture.columns && y <= picture.rows;
  }

  /** The last point is set: another one, or done. */
  #next(canvas: V2) {
    const draft = this.draft;
    if (!draft) return;
    if (draft.points.length >= POINTS[draft.kind]) return this.#finish();
    this.draft = { ...draft, points: [...draft.points, draft.points.at(-1)!] };
    this.#drag = { kind: "draw", from: canvas };
  }

  #finish() {
    const draft = this.draft;
    const picture = this.pane.drawn;
    this.#forget();
    if (!draft || !picture || placeOf(draft) !== placeOf(picture)) return;
    // a slip of the hand is no measurement
    if (draft.kind !== "probe" && draft.points.every((point) => within(point, draft.points[0]!, 0.75))) return;
    this.desk.notebook.put({ ...draft, result: measure(draft.kind, draft.points, picture, this.pane.pixels) });
    this.desk.update({ selected: draft.id });
  }

  #forget() {
    this.draft = undefined;
    this.#drag = undefined;
    this.changed();
  }

  /** Whether there was something to give up. */
  cancel(): boolean {
    const busy = this.draft !== undefined || this.cursor !== undefined;
    this.cursor = undefined;
    this.#forget();
    return busy;
  }

  #move(event: PointerEvent) {
    const at = this.#at(event);
    const before = this.#fingers.get(event.pointerId);
    if (before && this.#fingers.size === 2) return this.#pinch(event.pointerId, before, at);
    if (before) this.#fingers.set(event.pointerId, at);
    const point = this.pane.toImage(at);
    if (event.pointerType === "mouse" || before) {
      this.hover = this.pane.drawn ? point : undefined;
      this.changed();
    }
    const drag = this.#drag;
    if (this.draft && (drag?.kind === "draw" || !before)) {
      this.draft = { ...this.draft, points: this.draft.points.with(-1, point) };
      this.changed();
      return;
    }
    if (!drag || !before) return;
    if (drag.kind === "tool") this.#use(drag, at);
    else if (drag.kind === "handle") {
      drag.moved = true;
      this.#put({ ...drag.before, points: withHandle(drag.before, drag.point, point) }, false);
    } else if (drag.kind === "shape") {
      drag.moved = true;
      const [dx, dy] = [point[0] - drag.from[0], point[1] - drag.from[1]];
      this.#put({ ...drag.before, points: drag.before.points.map(([x, y]) => [x + dx, y + dy]) }, false);
    }
  }

  #put(one: Measurement, remember: boolean) {
    const picture = this.pane.drawn;
    if (picture) this.desk.notebook.put({ ...one, result: measure(one.kind, one.points, picture, this.pane.pixels) }, remember);
  }

  #use(drag: Extract<Drag, { kind: "tool" }>, at: V2) {
    const [dx, dy] = [at[0] - drag.last[0], at[1] - drag.last[1]];
    drag.last = at;
    const { pane } = this;
    switch (drag.tool) {
      case "window":
        return pane.shiftWindow(dx, dy);
      case "pan":
        return pane.view({ pan: [pane.pan[0] + dx, pane.pan[1] + dy] });
      case "zoom":
        return pane.zoomAt(1.01 ** -dy, [pane.size[0] / 2, pane.size[1] / 2]);
      case "scroll": {
        // the whole stack over the height of the pane, and never more than 24 pixels for one
        const step = Math.max(2, Math.min(24, pane.size[1] / Math.max(1, pane.pictures.length)));
        drag.rest += dy;
        const by = Math.trunc(drag.rest / step);
        drag.rest -= by * step;
        return by === 0 ? undefined : pane.go(pane.index + by);
      }
      case "crosshair":
        return this.#aim(at);
    }
  }

  #aim(at: V2) {
    const plane = this.pane.drawn?.plane;
    if (!plane || this.desk.layout !== "mpr") return;
    const picture = this.pane.drawn!;
    const [x, y] = this.pane.toImage(at);
    this.desk.setFocus(toPatient(plane, [Math.max(0.5, Math.min(picture.columns - 0.5, x)), Math.max(0.5, Math.min(picture.rows - 0.5, y))]));
  }

  #pinch(id: number, before: V2, at: V2) {
    const other = [...this.#fingers].find(([finger]) => finger !== id)?.[1];
    this.#fingers.set(id, at);
    if (!other) return;
    const [was, is] = [Math.hypot(before[0] - other[0], before[1] - other[1]), Math.hypot(at[0] - other[0], at[1] - other[1])];
    const middle: V2 = [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2];
    this.pane.view({ pan: [this.pane.pan[0] + (at[0] - before[0]) / 2, this.pane.pan[1] + (at[1] - before[1]) / 2] });
    if (was > 10) this.pane.zoomAt(is / was, middle);
  }

  #up(event: PointerEvent) {
    this.#fingers.delete(event.pointerId);
    const drag = this.#drag;
    this.#drag = undefined;
    if (drag?.kind === "draw" && this.draft) {
      // dragged: the point is where it was let go; clicked: it follows until the next click
      if (!within(drag.from, this.#at(event), 4)) {
        this.#next(this.#at(event));
        if (this.draft) this.#drag = undefined;
        this.changed();
      }
    } else if ((drag?.kind === "handle" || drag?.kind === "shape") && drag.moved) {
      const now = this.desk.notebook.measurements.find(({ id }) => id === drag.before.id);
      if (now) {
        this.desk.notebook.put(drag.before, false);
        this.desk.notebook.put(now);
      }
    }
    if (event.pointerType !== "mouse") this.#leave();
  }

  #leave() {
    if (this.hover === undefined) return;
    this.hover = undefined;
    this.changed();
  }

  #twice() {
    if (this.desk.layout !== "mpr" && !isKind(this.desk.tool)) this.pane.view({ zoom: 1, pan: [0, 0] });
  }

  #scroll(event: WheelEvent) {
    event.preventDefault();
    this.desk.activate(this.pane);
    this.desk.touched();
    const down = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 33;
    if (event.ctrlKey || event.metaKey) return this.pane.zoomAt(1.0015 ** -down, this.#at(event));
    // a notch of a wheel is one picture; a touch pad adds up
    this.#wheel += down;
    const by = Math.abs(down) >= 50 ? Math.sign(down) : Math.trunc(this.#wheel / 30);
    if (by === 0) return;
    this.#wheel = 0;
    this.pane.go(this.pane.index + by);
  }

  // --- with keys alone

  /** Enter: a cursor in the middle of what is seen; then the points. */
  pressEnter() {
    const { tool } = this.desk;
    if (!this.pane.drawn || (!isKind(tool) && tool !== "crosshair")) return;
    if (!this.cursor) {
      const [x, y] = this.pane.toImage([this.pane.size[0] / 2, this.pane.size[1] / 2]);
      this.cursor = [Math.floor(x) + 0.5, Math.floor(y) + 0.5];
      this.hover = this.cursor;
      this.changed();
      return;
    }
    if (tool === "crosshair") return this.#aim(this.pane.toCanvas(this.cursor));
    if (!isKind(tool)) return;
    this.#point(tool, this.cursor, this.pane.toCanvas(this.cursor));
    this.#drag = undefined;
    this.changed();
  }

  moveCursor(dx: number, dy: number): boolean {
    if (!this.cursor || !this.pane.drawn) return false;
    const { columns, rows } = this.pane.drawn;
    this.cursor = [Math.max(0.5, Math.min(columns - 0.5, this.cursor[0] + dx)), Math.max(0.5, Math.min(rows - 0.5, this.cursor[1] + dy))];
    this.hover = this.cursor;
    if (this.draft) this.draft = { ...this.draft, points: this.draft.points.with(-1, this.cursor) };
    this.changed();
    return true;
  }
}

/** What can be taken hold of: the points, and of an ellipse the other corners too. */
export function handlesOf({ kind, points }: Measurement): V2[] {
  const [a, b] = points;
  if (kind !== "ellipse" || !a || !b) return points;
  return [a, b, [a[0], b[1]], [b[0], a[1]]];
}

function withHandle({ kind, points }: Measurement, handle: number, to: V2): V2[] {
  const [a, b] = points;
  if (kind !== "ellipse" || handle < 2 || !a || !b) return points.with(handle, to);
  return handle === 2 ? [[to[0], a[1]], [b[0], to[1]]] : [[a[0], to[1]], [to[0], b[1]]];
}

function toLine(at: V2, a: V2, b: V2): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const part = Math.max(0, Math.min(1, ((at[0] - a[0]) * dx + (at[1] - a[1]) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(at[0] - a[0] - part * dx, at[1] - a[1] - part * dy);
}
