// Where things are: the binary, what tests keep, what other programs prepared.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

export const BINARY = resolve(process.env.LENTICULAR_BINARY ?? "target/release/lenticular");
export const CHROMIUM = process.env.LENTICULAR_CHROMIUM ?? "/usr/bin/chromium";
/** Traces, screenshots, data folders. */
export const KEPT = resolve(process.env.LENTICULAR_BROWSER ?? "target/browser");
/** The Python that has pydicom; it makes the inputs whose pixels are known. */
export const PYTHON = process.env.LENTICULAR_PYTHON ?? "python3";
/** The real inputs, unpacked. */
export const CORPUS = process.env.LENTICULAR_CORPUS ? resolve(process.env.LENTICULAR_CORPUS) : null;

export function folder(...names) {
  const made = join(KEPT, ...names);
  mkdirSync(made, { recursive: true });
  return made;
}
