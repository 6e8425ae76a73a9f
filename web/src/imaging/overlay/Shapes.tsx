// Measurements, lines and the crosshair, over the picture, in the pane's own pixels.
import { cut, toImage, type V2 } from "../dicom/planes.ts";
import { type Gestures, handlesOf } from "../tools/gestures.ts";
import { type Measurement, measure } from "../tools/measure.ts";
import { useResultWords } from "../tools/words.ts";
import { useDesk } from "../viewer/context.ts";
import type { Pane } from "../viewer/pane.ts";
import { useChanging } from "../viewer/store.ts";
import classes from "./Overlay.module.css";

const COLOURS = { axial: "var(--cut-axial)", coronal: "var(--cut-coronal)", sagittal: "var(--cut-sagittal)" } as const;

function path(kind: Measurement["kind"], points: V2[]) {
  const [a, b] = points;
  if (!a) return null;
  if (kind === "probe") {
    return <path d={`M${a[0] - 7} ${a[1]}h5M${a[0] + 2} ${a[1]}h5M${a[0]} ${a[1] - 7}v5M${a[0]} ${a[1] + 2}v5`} />;
  }
  if (kind === "ellipse" && b) {
    return <ellipse cx={(a[0] + b[0]) / 2} cy={(a[1] + b[1]) / 2} rx={Math.abs(b[0] - a[0]) / 2} ry={Math.abs(b[1] - a[1]) / 2} />;
  }
  return <polyline points={points.map((point) => point.join(",")).join(" ")} />;
}

function Shape({ one, pane, selected }: { one: Measurement; pane: Pane; selected: boolean }) {
  const words = useResultWords();
  const points = one.points.map((point) => pane.toCanvas(point));
  const picture = pane.drawn;
  if (!picture || !points[0]) return null;
  const result = pane.pixels ? measure(one.kind, one.points, picture, pane.pixels) : one.result;
  const said = words(result).filter(({ name }) => name !== "count");
  const lines = one.kind === "ellipse" ? said.filter(({ name }) => ["area", "mean", "deviation"].includes(name)) : said;
  const rightmost = points.reduce((best, point) => (point[0] > best[0] ? point : best));
  const at: V2 = one.kind === "ellipse" ? [Math.max(...points.map(([x]) => x)), (points[0][1] + points.at(-1)![1]) / 2] : rightmost;
  const [x, y] = [Math.max(4, Math.min(at[0] + 10, pane.size[0] - 96)), Math.max(14, Math.min(at[1], pane.size[1] - 12 * lines.length - 4))];
  return (
    <g className={classes.shape} data-selected={selected || undefined} data-measurement={one.id}>
      <g className={classes.under}>{path(one.kind, points)}</g>
      <g className={classes.line}>{path(one.kind, points)}</g>
      {selected && one.kind !== "probe" && handlesOf(one).map((handle, at) => <circle key={at} className={classes.handle} cx={pane.toCanvas(handle)[0]} cy={pane.toCanvas(handle)[1]} r={4.5} />)}
      {lines.map((line, at) => (
        <text key={line.name} x={x} y={y + at * 15} className={classes.label}>
          {line.name === "mean" ? `⌀ ${line.text}` : line.name === "deviation" ? `± ${line.text}` : line.text}
        </text>
      ))}
    </g>
  );
}

/** Where the picture of the active pane lies in this one. */
function Reference({ pane }: { pane: Pane }) {
  const desk = useDesk();
  const from = useChanging(desk.pane);
  const [here, there] = [pane.drawn, from.drawn];
  if (!desk.lines || desk.layout === "mpr" || from === pane || !here?.plane || !there?.plane) return null;
  if (!here.frameOfReference || here.frameOfReference !== there.frameOfReference) return null;
  const line = cut(here.plane, [here.columns, here.rows], there.plane, [there.columns, there.rows]);
  if (!line) return null;
  const [[x1, y1], [x2, y2]] = [pane.toCanvas(line[0]), pane.toCanvas(line[1])];
  return <line className={classes.reference} data-reference-line="" x1={x1} y1={y1} x2={x2} y2={y2} />;
}

/** The other two planes, through the point that all three share. */
function Crosshair({ pane }: { pane: Pane }) {
  const desk = useDesk();
  const plane = pane.drawn?.plane;
  if (desk.layout !== "mpr" || !desk.focus || !plane || !desk.lines) return null;
  const [x, y] = pane.toCanvas(toImage(plane, desk.focus));
  const [width, height] = pane.size;
  const gap = 14;
  const own = (Object.keys(desk.cuts) as (keyof typeof COLOURS)[]).find((name) => desk.cuts[name] === pane);
  const [vertical, horizontal] = own === "axial" ? (["sagittal", "coronal"] as const) : own === "coronal" ? (["sagittal", "axial"] as const) : (["coronal", "axial"] as const);
  return (
    <g className={classes.crosshair} data-crosshair={`${x.toFixed(1)},${y.toFixed(1)}`}>
      <path d={`M0 ${y}H${x - gap}M${x + gap} ${y}H${width}`} stroke={COLOURS[horizontal]} />
      <path d={`M${x} 0V${y - gap}M${x} ${y + gap}V${height}`} stroke={COLOURS[vertical]} />
    </g>
  );
}

export function Shapes({ pane, gestures }: { pane: Pane; gestures: Gestures | undefined }) {
  const desk = useChanging(useDesk());
  useChanging(desk.notebook);
  const [width, height] = pane.size;
  if (!gestures) return null;
  return <Drawn gestures={gestures} pane={pane} width={width} height={height} selected={desk.selected} />;
}

function Drawn({ gestures, pane, width, height, selected }: { gestures: Gestures; pane: Pane; width: number; height: number; selected: string | undefined }) {
  useChanging(gestures);
  const cursor = gestures.cursor && pane.toCanvas(gestures.cursor);
  return (
    <svg className={classes.svg} viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden focusable="false">
      <Reference pane={pane} />
      <Crosshair pane={pane} />
      {gestures.shapes.map((one) => (
        <Shape key={one.id} one={one} pane={pane} selected={one.id === selected} />
      ))}
      {gestures.draft && <Shape one={gestures.draft} pane={pane} selected />}
      {cursor && <path className={classes.cursor} data-cursor={gestures.cursor?.join(",")} d={`M${cursor[0] - 14} ${cursor[1]}h28M${cursor[0]} ${cursor[1] - 14}v28`} />}
    </svg>
  );
}
