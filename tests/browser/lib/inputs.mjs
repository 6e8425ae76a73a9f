// What the tests send: files whose every pixel is known, and a phantom that nobody of the sample network has.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KEPT, PYTHON } from "./place.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** Every compression and kind of picture: `images` as inputs/truth.py tells of them, `files` as Part 10 bytes. */
export function known() {
  const folder = join(KEPT, "known");
  if (!existsSync(join(folder, "truth.json"))) execFileSync(PYTHON, ["-P", here("../inputs/truth.py"), folder], { stdio: "inherit" });
  const files = readdirSync(folder).filter((name) => name.endsWith(".dcm"));
  return { images: JSON.parse(readFileSync(join(folder, "truth.json"), "utf8")), files: files.map((name) => readFileSync(join(folder, name))) };
}

/** The chest CT of somebody new, as files in a folder, and what is true of it (crates/synth, `Study::truth_json`). */
export function phantom({ slices = 160, seed = 7 } = {}) {
  const folder = join(KEPT, `phantom-${seed}-${slices}`);
  if (!existsSync(join(folder, "truth.json"))) {
    const args = ["run", "--quiet", "--release", "--package", "lenticular-synth", "--example", "write_ct", "--", folder, String(seed), String(slices)];
    execFileSync("cargo", args, { cwd: here("../../.."), stdio: "inherit" });
  }
  return { folder: join(folder, "images"), ...JSON.parse(readFileSync(join(folder, "truth.json"), "utf8")) };
}
