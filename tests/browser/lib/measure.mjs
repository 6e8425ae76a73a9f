// Figures: medians of several runs, each said, and kept for docs/performance.
import { AssertionError } from "node:assert";
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { folder } from "./place.mjs";

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The table of a file of tests; `write` keeps it. */
export function figures(name) {
  const rows = [];
  return {
    add(what, value, unit, limit, runs = []) {
      const row = { what, value: Math.round(value * 1000) / 1000, unit, limit, runs: runs.map((run) => Math.round(run * 1000) / 1000) };
      rows.push(row);
      console.log(`${what}: ${row.value} ${unit} (${limit})${runs.length ? `, of ${row.runs.join(" ")}` : ""}`);
      return row.value;
    },
    write() {
      writeFileSync(join(folder("figures"), `${name}.json`), `${JSON.stringify(rows, null, 2)}\n`);
    },
  };
}

/** Bytes that come over the wire for an address, as a browser asks for it. */
export function encodedBytes(url) {
  return new Promise((resolve, reject) => {
    get(url, { headers: { "Accept-Encoding": "gzip" } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`${url}: ${response.statusCode}`));
      let bytes = 0;
      response.on("data", (chunk) => (bytes += chunk.length));
      response.on("end", () => resolve({ bytes, encoding: response.headers["content-encoding"] ?? "" }));
      response.on("error", reject);
    }).on("error", reject);
  });
}

/** Watches a page from its first moment: `window.seen` has the time of the first picture, shifts, and the longest answers to input. */
export function watch() {
  const seen = (window.seen = { picture: 0, shift: 0, shifts: [], inputs: [] });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry.hadRecentInput) continue;
      seen.shift += entry.value;
      seen.shifts.push([entry.value, ...entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? String(node))]);
    }
  }).observe({ type: "layout-shift", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) seen.inputs.push({ name: entry.name, duration: entry.duration });
  }).observe({ type: "event", durationThreshold: 16, buffered: true });
  const look = () => {
    if (seen.picture) return;
    // what an attribute says in one frame is on the screen with the next
    if (document.querySelector('[data-testid="pane"][data-state="ready"]')) requestAnimationFrame(() => (seen.picture = performance.now()));
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** A time that is missed is measured again, at most twice: other work on the machine makes slow and never fast. The limit stays. */
export function measuredAgain(measure) {
  return async () => {
    for (let round = 1; ; round += 1) {
      try {
        return await measure();
      } catch (error) {
        if (!(error instanceof AssertionError) || round === 3) throw error;
        console.log(`missed in round ${round}, measured again: ${error.message.slice(0, 300)}`);
      }
    }
  };
}
