// Mantine ships one stylesheet for all of its components. This takes the sheet of each component that is used, into the chunk
// that uses it: the shell stays small. They are in a cascade layer, so that our own styles win whatever comes first.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

export function mantineStyles(): Plugin {
  const module = /@mantine\/core\/esm\/.*\/([A-Za-z]+)\.module\.mjs$/;
  return {
    name: "mantine-styles",
    apply: "build",
    transform(code, id) {
      const found = module.exec(id);
      if (!found) return null;
      const root = id.slice(0, id.indexOf("/esm/"));
      const sheet = join(root, "styles", `${found[1]}.layer.css`);
      return existsSync(sheet) ? { code: `import ${JSON.stringify(sheet)};\n${code}`, map: null, moduleSideEffects: true } : null;
    },
  };
}

/** Development has no chunks: all sheets at once. */
export function mantineStylesInDevelopment(): Plugin {
  return {
    name: "mantine-styles-in-development",
    apply: "serve",
    transform: (code, id) => (id.endsWith("/src/main.tsx") ? `import "@mantine/core/styles.layer.css";\n${code}` : null),
  };
}
