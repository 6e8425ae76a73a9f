// The reader's desk: panes and their layout, what is linked, the tool in hand, and what happens when access ends.
import type { QueryClient } from "@tanstack/react-query";
import { Problem } from "../../api/http.ts";
import { type SeriesFacts, checkAccess, hasPictures, seriesQuery, stackQuery } from "../dicom/api.ts";
import type { Picture } from "../dicom/images.ts";
import { type Anatomical, type V3, dot, add, minus } from "../dicom/planes.ts";
import { type Slab, Unfit, Volume, cutSlice, slicesFor } from "../mpr/volume.ts";
import { Notebook } from "../tools/notebook.ts";
import { type Kind, placeOf } from "../tools/measure.ts";
import { withEngine } from "./engine.ts";
import { CELLS, type Layout } from "./layout.ts";
import { Library } from "./library.ts";
import { Pane, middle } from "./pane.ts";
import { Changing } from "./store.ts";

export type Tool = "window" | "scroll" | "zoom" | "pan" | "crosshair" | Kind;

/** What a pane shows, in what study. */
export interface Place {
  study: string;
  series: string;
}

export type MprState = { state: "off" } | { state: "loading"; loaded: number; total: number } | { state: "ready"; every: number } | { state: "refused"; reason: string };

export class Desk extends Changing {
  readonly library: Library;
  readonly panes: Pane[];
  readonly cuts: Record<Anatomical, Pane>;
  readonly notebook: Notebook;
  places: (Place | undefined)[] = [undefined, undefined, undefined, undefined];
  /** Cells whose series is on its way. */
  readonly opening = new Set<number>();
  layout: Layout = "1x1";
  active = 0;
  tool: Tool = "window";
  linked = true;
  lines = true;
  overlay = true;
  hidden = false;
  mpr: MprState = { state: "off" };
  slab: Slab = { mode: "mip", millimetres: 0 };
  focus: V3 | undefined;
  cine = false;
  fps = 15;
  selected: string | undefined;
  /** Access to the study has ended. */
  lost: Problem | undefined;
  away = false;
  onLeft: (study: string) => void = () => undefined;
  #volume: Volume | undefined;
  #volumeOf = "";
  #cutting: AbortController | undefined;
  #checked = 0;
  #timer = 0;
  #looking = 0;
  #forgetEngine: () => void;
  #beforeMpr: { layout: Layout; tool: Tool } | undefined;

  constructor(
    readonly client: QueryClient,
    readonly study: string,
    owner: string | undefined,
    memory: number,
  ) {
    super();
    this.library = new Library(memory);
    this.library.makes("slice", cutSlice);
    this.library.onFailure = (failed, problem) => this.#failed(failed, problem);
    this.library.onReached = () => this.#setAway(false);
    window.addEventListener("online", this.#look);
    this.#forgetEngine = withEngine(({ reloadWith }) => reloadWith((picture) => this.library.load(picture)));
    this.panes = [0, 1, 2, 3].map((at) => this.#pane(`pane-${at}`));
    this.cuts = { axial: this.#pane("cut-axial"), coronal: this.#pane("cut-coronal"), sagittal: this.#pane("cut-sagittal") };
    this.notebook = new Notebook(study, owner);
  }

  #pane(id: string): Pane {
    const pane = new Pane(id, this.library);
    pane.onScroll = () => this.#scrolled(pane);
    return pane;
  }

  /** The panes on screen, in order. */
  get shown(): Pane[] {
    return this.layout === "mpr" ? [this.cuts.axial, this.cuts.coronal, this.cuts.sagittal] : this.panes.slice(0, CELLS[this.layout]);
  }

  get pane(): Pane {
    return this.shown[this.active] ?? this.shown[0]!;
  }

  get place(): Place | undefined {
    return this.layout === "mpr" ? this.places[this.#mprFrom] : this.places[this.active];
  }

  update(change: Partial<Pick<Desk, "tool" | "linked" | "lines" | "overlay" | "hidden" | "selected" | "fps">>) {
    Object.assign(this, change);
    if (change.linked) this.#anchor();
    this.changed();
  }

  activate(pane: Pane) {
    const at = this.shown.indexOf(pane);
    if (at < 0 || at === this.active) return;
    this.active = at;
    this.changed();
  }

  // --- series

  async openSeries(cell: number, place: Place, at?: { instance?: string; frame?: number }) {
    const pane = this.panes[cell];
    if (!pane) return;
    this.places = this.places.with(cell, place);
    this.opening.add(cell);
    this.changed();
    try {
      const [stack, list] = await Promise.all([
        this.client.fetchQuery(stackQuery(place.study, place.series)),
        this.client.fetchQuery(seriesQuery(place.study)).catch((): SeriesFacts[] => []),
      ]);
      const now = this.places[cell];
      if (now?.series !== place.series || now.study !== place.study || this.lost) return;
      const wanted = at?.instance ? stack.pictures.findIndex((picture) => picture.instance === at.instance && picture.frame === (at.frame ?? 1)) : -1;
      const index = Math.max(0, wanted);
      this.opening.delete(cell);
      const facts = list.find(({ uid }) => uid === place.series);
      pane.open(stack.pictures, index, { modality: stack.modality || (facts?.modality ?? ""), description: stack.description, seriesNumber: facts?.number }, false, stack.others);
      this.#anchor();
    } catch (error) {
      if (this.places[cell]?.series !== place.series) return;
      this.opening.delete(cell);
      pane.failure = error;
      if (error instanceof Problem) this.#failed(place.study, error);
    }
    this.changed();
  }

  closeCell(cell: number) {
    this.places = this.places.with(cell, undefined);
    this.panes[cell]?.close();
    this.changed();
  }

  setLayout(layout: Layout, series: readonly SeriesFacts[] = []) {
    if (layout === this.layout) return;
    if (layout === "mpr") {
      this.#beforeMpr = { layout: this.layout, tool: this.tool };
      this.#mprFrom = this.active;
      this.layout = "mpr";
      this.active = 0;
      this.tool = "crosshair";
      this.changed();
      void this.#cut();
      return;
    }
    if (this.layout === "mpr") {
      this.#cutting?.abort();
      if (this.mpr.state !== "ready") this.mpr = { state: "off" };
      this.active = Math.min(this.#mprFrom, CELLS[layout] - 1);
      if (this.tool === "crosshair") this.tool = this.#beforeMpr?.tool ?? "window";
    }
    this.layout = layout;
    this.active = Math.min(this.active, CELLS[layout] - 1);
    this.changed();
    // empty panes take the series that are not on screen yet
    const free = series.filter((one) => hasPictures(one) && !this.places.some((place) => place?.series === one.uid));
    for (let cell = 0; cell < CELLS[layout]; cell++) {
      const next = this.places[cell] ? undefined : free.shift();
      if (next) void this.openSeries(cell, { study: this.study, series: next.uid });
    }
  }

  leaveMpr() {
    if (this.layout === "mpr") this.setLayout(this.#beforeMpr?.layout ?? "1x1");
  }

  #mprFrom = 0;

  // --- planes cut from a volume

  async #cut() {
    const from = this.panes[this.#mprFrom];
    const place = this.places[this.#mprFrom];
    this.#cutting?.abort();
    const cutting = (this.#cutting = new AbortController());
    try {
      if (!from?.pictures.length || !place) throw new Unfit("few");
      if (this.#volumeOf !== place.series || !this.#volume) {
        this.#dropVolume();
        const volume = new Volume(slicesFor(from.pictures), this.library.limit / 2);
        this.library.reserve(volume.bytes);
        this.#volume = volume;
        this.#volumeOf = place.series;
        let told = 0;
        const tell = () => {
          if (performance.now() - told < 100) return;
          told = performance.now();
          this.mpr = { state: "loading", loaded: volume.loaded, total: volume.total };
          this.changed();
        };
        tell();
        await volume.fill(this.library, cutting.signal, tell);
      }
      if (cutting.signal.aborted) return;
      const plane = from.picture?.plane;
      this.focus = plane ? this.#towardsCentre(middle({ ...from.picture!, plane })) : this.#volume.centre;
      this.mpr = { state: "ready", every: this.#volume.every };
      this.#showCuts(from);
    } catch (error) {
      if (cutting.signal.aborted) {
        this.#dropVolume();
        return;
      }
      this.#dropVolume();
      this.mpr = { state: "refused", reason: error instanceof Unfit ? error.reason : "failed" };
    }
    this.changed();
  }

  /** The middle of the volume, at the height of the picture that was looked at. */
  #towardsCentre(point: V3): V3 {
    const volume = this.#volume!;
    const normal = volume.axes[2].direction;
    return add(volume.centre, normal, dot(minus(point, volume.centre), normal));
  }

  #showCuts(like?: Pane) {
    if (!this.#volume || !this.focus) return;
    const suffix = this.slab.millimetres > 0 ? `${this.slab.mode}-${this.slab.millimetres}` : "1";
    for (const { name, pictures } of this.#volume.cuts(this.slab, suffix)) {
      const pane = this.cuts[name];
      const normal = pictures[0]!.plane!.normal;
      const at = nearestIn(pictures, dot(this.focus, normal));
      const fresh = pane.pictures.length === 0 || pane.pictures[0]?.series !== pictures[0]?.series;
      pane.open(pictures, at, { modality: like?.facts.modality ?? pane.facts.modality, description: like?.facts.description ?? pane.facts.description, seriesNumber: like?.facts.seriesNumber ?? pane.facts.seriesNumber }, !fresh);
      if (fresh && like) {
        pane.window = like.window ?? like.windowNow;
        pane.invert = like.invert;
      }
    }
  }

  setSlab(slab: Slab) {
    this.slab = slab;
    this.library.forget("slice");
    this.#showCuts();
    this.changed();
  }

  setFocus(point: V3) {
    this.focus = point;
    for (const pane of Object.values(this.cuts)) {
      const at = pane.indexOf(point);
      if (at !== undefined) pane.go(at, false);
    }
    this.changed();
  }

  #dropVolume() {
    if (!this.#volume) return;
    this.library.reserve(-this.#volume.bytes);
    this.#volume.free();
    this.#volume = undefined;
    this.#volumeOf = "";
    this.library.forget("slice");
    for (const pane of Object.values(this.cuts)) pane.close();
    this.mpr = { state: "off" };
  }

  // --- scrolling together

  #anchor() {
    for (const pane of this.panes) pane.anchor = pane.along;
    // series of another frame of reference start from their middles
    for (const [at, pane] of this.panes.entries()) {
      if (this.places[at]?.study === this.study || !pane.pictures.length) continue;
      const centre = pane.pictures[pane.pictures.length >> 1]?.plane;
      if (centre && pane.anchor === undefined) pane.anchor = dot(centre.origin, centre.normal);
    }
  }

  #scrolled(pane: Pane) {
    if (this.layout === "mpr") {
      const plane = pane.picture?.plane;
      if (plane && this.focus) {
        this.focus = add(this.focus, plane.normal, dot(minus(plane.origin, this.focus), plane.normal));
        this.changed();
      }
      return;
    }
    const here = pane.picture;
    const at = pane.along;
    if (!this.linked || !here?.plane || at === undefined) return;
    for (const other of this.shown) {
      const there = other.picture;
      if (other === pane || !there?.plane) continue;
      const facing = dot(there.plane.normal, here.plane.normal);
      if (Math.abs(facing) < 0.95) continue;
      const same = here.frameOfReference !== "" && here.frameOfReference === there.frameOfReference;
      const moved = at - (pane.anchor ?? at);
      const to = same ? dot(middle({ ...here, plane: here.plane }), there.plane.normal) : (other.anchor ?? 0) + moved * Math.sign(facing);
      const next = other.nearest(to);
      if (next !== undefined) other.go(next, false);
    }
  }

  // --- going through the pictures

  jump(place: { series: string; instance: string; frame: number }) {
    const cut = Object.values(this.cuts).find((pane) => pane.pictures.some((picture) => placeOf(picture) === placeOf(place)));
    if (cut && this.layout === "mpr") {
      this.activate(cut);
      cut.go(place.frame - 1);
      return;
    }
    if (place.instance.includes("#")) return;
    if (this.layout === "mpr") this.leaveMpr();
    const cell = this.shown.findIndex((pane, at) => this.places[at]?.series === place.series && pane.pictures.length > 0);
    if (cell >= 0) {
      this.activate(this.panes[cell]!);
      const index = this.panes[cell]!.pictures.findIndex((picture) => placeOf(picture) === placeOf(place));
      if (index >= 0) this.panes[cell]!.go(index);
    } else void this.openSeries(this.active, { study: this.study, series: place.series }, place);
  }

  setCine(on: boolean) {
    this.cine = on;
    clearInterval(this.#timer);
    if (on) {
      const own = this.pane.picture?.milliseconds;
      if (own && own >= 5) this.fps = Math.max(1, Math.min(60, Math.round(1000 / own)));
      this.#tick();
    }
    this.changed();
  }

  setFps(fps: number) {
    this.fps = Math.max(1, Math.min(60, fps));
    if (this.cine) this.#tick();
    this.changed();
  }

  #tick() {
    clearInterval(this.#timer);
    this.#timer = window.setInterval(() => {
      const pane = this.pane;
      // waits for a picture that is on its way rather than leaving some out
      if (pane.pictures.length > 1 && pane.drawnIndex === pane.index && !document.hidden) pane.go((pane.index + 1) % pane.pictures.length);
    }, 1000 / this.fps);
  }

  // --- access

  /** On what somebody does, at most once a second: what was shared may have been taken back. */
  touched() {
    const now = performance.now();
    if (now - this.#checked < 1000 || this.lost) return;
    this.#checked = now;
    for (const study of new Set([this.study, ...this.places.flatMap((place) => place?.study ?? [])])) void this.check(study);
  }

  async check(study: string) {
    try {
      await checkAccess(study);
      this.#setAway(false);
    } catch (error) {
      if (!(error instanceof Problem)) return;
      if ([401, 403, 404, 410].includes(error.status)) this.#lose(study, error);
      else if (error.status === 0) this.#setAway(true);
    }
  }

  #failed(study: string, problem: Problem) {
    if (problem.status === 0) this.#setAway(true);
    else if ([401, 403, 404, 410].includes(problem.status)) void this.check(study);
  }

  #setAway(away: boolean) {
    if (away === this.away) return;
    this.away = away;
    this.changed();
    if (away) this.#look();
    else for (const pane of this.shown) this.retry(pane);
  }

  /** Asks again for what a pane could not show, and goes on loading what is around it. */
  retry(pane: Pane) {
    const cell = this.panes.indexOf(pane);
    const place = this.places[cell];
    if (pane.pictures.length) pane.retry();
    else if (place) void this.openSeries(cell, place);
  }

  /** Asks until the network is back: at once when the browser says so, else every few seconds. */
  #look = () => {
    clearTimeout(this.#looking);
    if (!this.away || this.lost) return;
    void this.check(this.study);
    this.#looking = window.setTimeout(this.#look, 3000);
  };

  /** Nothing of a study stays: not in memory, not on a canvas. */
  #lose(study: string, problem: Problem) {
    if (this.lost) return;
    const all = study === this.study;
    if (this.#volume && (all || this.places[this.#mprFrom]?.study === study)) {
      this.#cutting?.abort();
      this.#dropVolume();
    }
    this.places.forEach((place, cell) => place && (all || place.study === study) && this.closeCell(cell));
    this.library.purge(all ? undefined : study);
    this.client.removeQueries({ queryKey: ["viewer"], predicate: ({ queryKey }) => all || queryKey.includes(study) });
    if (all) {
      this.lost = problem;
      this.setCine(false);
    } else this.onLeft(study);
    this.changed();
  }

  close() {
    clearInterval(this.#timer);
    clearTimeout(this.#looking);
    window.removeEventListener("online", this.#look);
    this.#cutting?.abort();
    this.#dropVolume();
    this.notebook.close();
    this.#forgetEngine();
    this.library.close();
  }
}

function nearestIn(pictures: readonly Picture[], millimetres: number): number {
  let [best, distance] = [0, Infinity];
  pictures.forEach(({ plane }, at) => {
    const off = plane ? Math.abs(dot(plane.origin, plane.normal) - millimetres) : Infinity;
    if (off < distance) [best, distance] = [at, off];
  });
  return best;
}

