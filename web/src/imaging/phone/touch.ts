// Fingers on a picture: one swipes through the stack or changes the window, two zoom and move.

export interface View {
  zoom: number;
  x: number;
  y: number;
}

export const FITTED: View = { zoom: 1, x: 0, y: 0 };

interface Wishes {
  mode: () => "scroll" | "window";
  step: (by: number) => void;
  window: (right: number, down: number) => void;
  view: (change: (view: View) => View) => void;
  tap: () => void;
}

const STEP = 14;

/** Listens on an element until told to stop. */
export function listen(element: HTMLElement, wishes: Wishes): () => void {
  const fingers = new Map<number, [number, number]>();
  const gone = new AbortController();
  let rest = 0;
  const at = (event: PointerEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  };
  const down = (event: PointerEvent) => {
    wishes.tap();
    rest = 0;
    fingers.set(event.pointerId, at(event));
    element.setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    fingers.set(event.pointerId, now);
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (fingers.size === 1) {
      if (wishes.mode() === "window") return wishes.window(dx, dy);
      rest += dy;
      const by = Math.trunc(rest / STEP);
      rest -= by * STEP;
      if (by !== 0) wishes.step(by);
      return;
    }
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return;
    const grown = Math.hypot(now[0] - other[0], now[1] - other[1]) / Math.max(10, Math.hypot(before[0] - other[0], before[1] - other[1]));
    const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2] as const;
    wishes.view((view) => {
      const zoom = Math.max(1, Math.min(12, view.zoom * grown));
      const by = zoom / view.zoom;
      if (zoom === 1) return FITTED;
      return { zoom, x: middle[0] + (view.x - middle[0]) * by + dx / 2, y: middle[1] + (view.y - middle[1]) * by + dy / 2 };
    });
  };
  const up = (event: PointerEvent) => fingers.delete(event.pointerId);
  const options = { signal: gone.signal };
  element.addEventListener("pointerdown", down, options);
  element.addEventListener("pointermove", move, options);
  element.addEventListener("pointerup", up, options);
  element.addEventListener("pointercancel", up, options);
  element.addEventListener("wheel", (event) => wishes.step(Math.sign(event.deltaY)), { ...options, passive: true });
  return () => gone.abort();
}
