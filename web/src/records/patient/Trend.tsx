// A value over time in the space of a word; its table says the same to whoever cannot see the line.
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";

export interface Point {
  at: string;
  value: number;
}

const WIDTH = 96;
const HEIGHT = 26;

export function Trend({ points, label, low, high }: { points: Point[]; label: string; low?: number; high?: number }) {
  const { t } = useTranslation("records");
  const format = useFormat();
  if (points.length < 2) return null;
  const ordered = [...points].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  const values = ordered.map((point) => point.value);
  const times = ordered.map((point) => Date.parse(point.at));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const [start, end] = [times[0] ?? 0, times[times.length - 1] ?? 1];
  const x = (at: number) => 3 + ((at - start) / (end - start || 1)) * (WIDTH - 6);
  const y = (value: number) => HEIGHT - 4 - ((value - least) / (most - least || 1)) * (HEIGHT - 8);
  const clamp = (value: number) => Math.max(0, Math.min(HEIGHT, y(value)));
  const path = ordered.map((point, index) => `${index ? "L" : "M"}${x(times[index] ?? 0).toFixed(1)} ${y(point.value).toFixed(1)}`).join("");
  return (
    <svg
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={t("trend", { label, count: ordered.length, from: format.date(ordered[0]?.at), to: format.date(ordered[ordered.length - 1]?.at), least: format.number(least, 2), most: format.number(most, 2) })}
      style={{ flex: "none", overflow: "visible" }}
    >
      {low !== undefined && high !== undefined && <rect x="0" width={WIDTH} y={clamp(high)} height={Math.max(0, clamp(low) - clamp(high))} fill="var(--surface-sunken)" />}
      <path d={path} fill="none" stroke="var(--mantine-color-anchor)" strokeWidth="1.5" strokeLinejoin="round" strokeLinecap="round" />
      <circle cx={x(end)} cy={y(values[values.length - 1] ?? 0)} r="2.5" fill="var(--mantine-color-anchor)" />
    </svg>
  );
}
