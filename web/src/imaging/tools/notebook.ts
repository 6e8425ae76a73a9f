// Measurements and key images of one person in one study: kept on the server, and in the browser until they are there.
import { Problem } from "../../api/http.ts";
import { type Annotations, readAnnotations, writeAnnotations } from "../dicom/api.ts";
import { Changing } from "../viewer/store.ts";
import { type KeyImage, type Measurement, KINDS, placeOf } from "./measure.ts";

/** `kept`: not on the server yet, but safe in this browser. `lost`: in this page alone. */
export type Saving = "saved" | "saving" | "kept" | "lost";

const LIMIT = 2000;

/** As this browser keeps it. `unread`: drawn before the server could say what it has. */
interface Waiting extends Annotations {
  unread?: boolean;
}

export class Notebook extends Changing {
  measurements: Measurement[] = [];
  keys: KeyImage[] = [];
  saving: Saving = "saved";
  ready = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing = false;
  #again = false;
  #closed = false;
  /** What the server has is in here; before that nothing may be written over it. */
  #read = false;
  #past: { measurements: Measurement[]; keys: KeyImage[] }[] = [];

  constructor(
    readonly study: string,
    /** Guests by link have nowhere to keep them but this page. */
    readonly owner: string | undefined,
  ) {
    super();
    window.addEventListener("online", this.#retry);
    void this.#open();
  }

  get #key() {
    return `lenticular.annotations.${this.owner}.${this.study}`;
  }

  async #open() {
    const waiting = this.#waiting();
    if (waiting) {
      this.#take(waiting);
      this.#read = !waiting.unread;
      this.saving = "kept";
      this.#soon();
    } else if (this.owner) {
      try {
        await this.#join();
      } catch {
        // the server is away: what is drawn now is added to what it has when it is back
      }
    }
    this.ready = true;
    if (!this.#closed) this.changed();
  }

  /** Reads what the server has; what was drawn meanwhile stays. */
  async #join() {
    const kept = await readAnnotations(this.study);
    const drawn = { measurements: this.measurements, keys: this.keys };
    this.#take(kept);
    this.measurements = [...this.measurements.filter(({ id }) => !drawn.measurements.some((one) => one.id === id)), ...drawn.measurements];
    this.keys = [...this.keys.filter((key) => !drawn.keys.some((one) => placeOf(one) === placeOf(key))), ...drawn.keys];
    this.#read = true;
  }

  #waiting(): Waiting | undefined {
    try {
      const text = this.owner ? localStorage.getItem(this.#key) : null;
      return text ? (JSON.parse(text) as Waiting) : undefined;
    } catch {
      return undefined;
    }
  }

  #take(from: Annotations) {
    this.measurements = (from.measurements ?? []).filter(isMeasurement).slice(0, LIMIT);
    this.keys = (from.key_images ?? []).filter(isKey).slice(0, LIMIT);
  }

  #remember() {
    this.#past = [...this.#past.slice(-49), { measurements: this.measurements, keys: this.keys }];
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  undo() {
    const last = this.#past.pop();
    if (!last) return;
    this.measurements = last.measurements;
    this.keys = last.keys;
    this.#edited();
  }

  put(measurement: Measurement, remember = true) {
    if (remember) this.#remember();
    const at = this.measurements.findIndex(({ id }) => id === measurement.id);
    this.measurements = at < 0 ? [...this.measurements, measurement].slice(-LIMIT) : this.measurements.with(at, measurement);
    this.#edited();
  }

  remove(id: string) {
    this.#remember();
    this.measurements = this.measurements.filter((one) => one.id !== id);
    this.#edited();
  }

  clear() {
    this.#remember();
    this.measurements = [];
    this.#edited();
  }

  isKey(place: { instance: string; frame: number }) {
    return this.keys.some((key) => placeOf(key) === placeOf(place));
  }

  toggleKey(place: { series: string; instance: string; frame: number }) {
    this.#remember();
    const { series, instance, frame } = place;
    this.keys = this.isKey(place) ? this.keys.filter((key) => placeOf(key) !== placeOf(place)) : [...this.keys, { series, instance, frame, created: new Date().toISOString() }];
    this.#edited();
  }

  #edited() {
    if (!this.owner) {
      this.saving = "lost";
      this.changed();
      return;
    }
    try {
      localStorage.setItem(this.#key, JSON.stringify({ ...this.#all(), unread: !this.#read } satisfies Waiting));
      this.saving = "kept";
    } catch {
      this.saving = "lost";
    }
    this.changed();
    this.#soon();
  }

  #all(): Annotations {
    return { measurements: this.measurements, key_images: this.keys };
  }

  #soon(after = 800) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#write(), after);
  }

  #retry = () => {
    if (this.saving !== "saved" && this.owner) this.#soon(200);
  };

  async #write() {
    if (this.#writing) {
      this.#again = true;
      return;
    }
    this.#writing = true;
    this.#again = false;
    const before = this.saving;
    this.saving = "saving";
    if (!this.#closed) this.changed();
    try {
      if (!this.#read) await this.#join();
      await writeAnnotations(this.study, this.#all());
      if (this.#again) this.saving = before;
      else {
        this.saving = "saved";
        try {
          localStorage.removeItem(this.#key);
        } catch {
          // storage is closed: there was nothing in it
        }
      }
    } catch (error) {
      this.saving = before === "saving" ? "kept" : before;
      if (!this.#closed && error instanceof Problem && error.retry) this.#soon(10_000);
    } finally {
      this.#writing = false;
      if (this.#again) this.#soon();
      if (!this.#closed) this.changed();
    }
  }

  close() {
    this.#closed = true;
    window.removeEventListener("online", this.#retry);
    clearTimeout(this.#timer);
    if (this.owner && this.saving !== "saved") void this.#write();
  }
}

const isPlace = (value: unknown): value is KeyImage => {
  const place = value as Partial<KeyImage> | null;
  return typeof place === "object" && place !== null && typeof place.series === "string" && typeof place.instance === "string" && Number.isInteger(place.frame);
};
const isKey = isPlace;

function isMeasurement(value: unknown): value is Measurement {
  const one = value as Partial<Measurement>;
  return (
    isPlace(value) &&
    typeof one.id === "string" &&
    KINDS.some((kind) => kind === one.kind) &&
    Array.isArray(one.points) &&
    one.points.length <= 3 &&
    one.points.every((point) => Array.isArray(point) && point.length === 2 && point.every((part) => Number.isFinite(part)))
  );
}
