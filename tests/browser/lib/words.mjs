// What the app says, in each language: tests find a control by what stands on it, as people do.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const SOURCE = fileURLToPath(new URL("../../../web/src/", import.meta.url));

/** The folders that have texts. */
export const NAMESPACES = readdirSync(SOURCE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .filter((name) => {
    try {
      return readdirSync(join(SOURCE, name, "locales")).length > 0;
    } catch {
      return false;
    }
  });

const read = (namespace, language) => JSON.parse(readFileSync(join(SOURCE, namespace, "locales", `${language}.json`), "utf8"));

/** As app/i18n.ts changes texts where `?pseudo` was asked for. */
export function pseudo(text) {
  const accents = { a: "å", e: "é", i: "î", o: "ö", u: "û", A: "Å", E: "É", I: "Î", O: "Ö", U: "Û", n: "ñ", c: "ç", s: "š" };
  const changed = text.replace(/(\{\{[^}]*\}\}|\$t\([^)]*\)|<[^>]*>)|[aeiouAEIOUncs]/g, (all, kept) => kept ?? accents[all] ?? all);
  return `[${changed}${"~".repeat(Math.ceil(text.length / 3))}]`;
}

/** `say("sharing:takeBack.yes")`; with values filled in: `say("sharing:done.member", { member })`. */
export function speaker(language = "en", { pseudo: changed = false } = {}) {
  const held = new Map();
  return (key, values = {}) => {
    const [namespace, path] = key.split(":");
    if (!held.has(namespace)) held.set(namespace, read(namespace, language));
    const text = path.split(".").reduce((at, step) => at?.[step], held.get(namespace));
    if (typeof text !== "string") throw new Error(`${key} says nothing in ${language}`);
    const said = changed ? pseudo(text) : text;
    return said.replace(/\{\{\s*(\w+)\s*\}\}/g, (all, name) => values[name] ?? all);
  };
}

/** Every key of every folder, with dots. */
export function keys() {
  const flat = (value, prefix) =>
    Object.entries(value).flatMap(([key, inner]) => (typeof inner === "string" ? [prefix + key] : flat(inner, `${prefix}${key}.`)));
  return NAMESPACES.flatMap((namespace) => flat(read(namespace, "en"), ""));
}
