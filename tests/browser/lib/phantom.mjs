// Chest CTs of the generator, as files: other seeds than the sample network has, and as many slices as a test needs.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { folder } from "./place.mjs";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Paths of the slices, from the first to the last. They are made once and kept; nothing of them is random. */
export function phantom(seed, slices) {
  const made = join(folder("phantoms"), `${seed}-${slices}`);
  if (!existsSync(made)) {
    const half = `${made}.half`;
    rmSync(half, { recursive: true, force: true });
    execFileSync("cargo", ["run", "--quiet", "--release", "--package", "lenticular-synth", "--example", "write_phantom", "--", half, String(seed), String(slices)], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(half, made);
  }
  return readdirSync(made)
    .filter((name) => name.startsWith("ct-"))
    .sort()
    .map((name) => join(made, name));
}

/** Study, series and SOP Instance UID of a file of the generator, whose elements are in Explicit VR Little Endian and unnested before the pixels. */
export function uids(path) {
  const bytes = readFileSync(path);
  const find = (group, element) => {
    const tag = Buffer.from([group & 0xff, group >> 8, element & 0xff, element >> 8, 0x55, 0x49]);
    const at = bytes.indexOf(tag, 132);
    return bytes.subarray(at + 8, at + 8 + bytes.readUInt16LE(at + 6)).toString("latin1").replace(/[\0 ]+$/, "");
  };
  return { study: find(0x0020, 0x000d), series: find(0x0020, 0x000e), instance: find(0x0008, 0x0018) };
}
