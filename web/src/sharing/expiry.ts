// When a share ends: some days from now, or at the end of a day by the site's clock.

export const PRESETS = ["1", "7", "30", "90", "day", "never"] as const;

/** FHIR instant. */
export function presetEnd(days: number, now = Date.now()): string {
  return new Date(now + days * 86_400_000).toISOString();
}

/** Today by the site's clock, as YYYY-MM-DD. */
export function today(timeZone: string, now = new Date()): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: known(timeZone), dateStyle: "short" }).format(now);
}

export function isDay(day: string, from: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(Date.parse(day)) && day >= from && day < "2200";
}

/** The last second of a day in a zone, as an instant; right on days when clocks change too. */
export function endOf(day: string, timeZone: string): string {
  const wanted = Date.parse(`${day}T23:59:59Z`);
  let instant = wanted;
  // the zone's offset depends on the instant that is looked for: twice settles it
  for (let round = 0; round < 2; round += 1) instant = wanted - offset(instant, timeZone);
  return new Date(instant).toISOString();
}

/** Milliseconds that a zone's clock is ahead of UTC. */
function offset(instant: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat("en", {
    timeZone: known(timeZone), hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric",
  }).formatToParts(new Date(instant));
  const part = (type: string) => Number(parts.find((one) => one.type === type)?.value ?? 0);
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) - instant;
}

function known(timeZone: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return timeZone;
  } catch {
    return undefined;
  }
}
