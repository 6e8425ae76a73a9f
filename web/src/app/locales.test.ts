import { describe, expect, it } from "vitest";
import { LANGUAGES } from "./i18n.ts";

type Texts = { [key: string]: string | Texts };
const files = import.meta.glob<Texts>("/src/*/locales/*.json", { eager: true, import: "default" });
const sources = import.meta.glob<string>("/src/**/*.{ts,tsx}", { eager: true, query: "?raw", import: "default" });

function flat(texts: Texts, prefix = ""): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).flatMap(([key, value]) =>
      typeof value === "string" ? [[prefix + key, value]] : Object.entries(flat(value, `${prefix}${key}.`)),
    ),
  );
}

/** Keys without the endings that a language's plurals add. */
const bare = (key: string) => key.replace(/_(zero|one|two|few|many|other)$/, "");
const variables = (text: string) => [...text.matchAll(/\{\{\s*([\w.]+)[^}]*\}\}/g)].map((found) => found[1]).sort();
const namespaces = [...new Set(Object.keys(files).map((path) => path.split("/")[2] ?? ""))];

function texts(namespace: string, language: string): Record<string, string> {
  return flat(files[`/src/${namespace}/locales/${language}.json`] ?? {});
}

describe.each(namespaces)("%s", (namespace) => {
  const english = texts(namespace, "en");

  it.each(LANGUAGES)("says everything in %s", (language) => {
    const translated = texts(namespace, language);
    const wanted = new Set(Object.keys(english).map(bare));
    expect(new Set(Object.keys(translated).map(bare))).toEqual(wanted);
    for (const [key, text] of Object.entries(translated)) expect(text.trim(), key).not.toBe("");
  });

  it.each(LANGUAGES)("has the plurals of %s", (language) => {
    const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    const keys = Object.keys(texts(namespace, language));
    const counted = new Set(keys.filter((key) => /_(one|other)$/.test(key)).map(bare));
    for (const key of counted) for (const form of forms) expect(keys, `${language} ${key}`).toContain(`${key}_${form}`);
  });

  it.each(LANGUAGES)("fills in the same values in %s", (language) => {
    for (const [key, text] of Object.entries(texts(namespace, language))) {
      const original = english[key] ?? english[`${bare(key)}_other`];
      if (original === undefined || /_(zero|one)$/.test(key)) continue;
      expect(variables(text), `${language} ${key}`).toEqual(variables(original));
    }
  });
});

it("shows no text that is not translated: no letters between tags", () => {
  const found = Object.entries(sources)
    .filter(([path]) => path.endsWith(".tsx") && !path.includes(".test."))
    .flatMap(([path, code]) =>
      [...code.matchAll(/>\s*([A-Z][a-z]+(?: [a-z]+)+[.!?]?)\s*<\//g)].map((hit) => `${path}: ${hit[1]}`),
    );
  expect(found).toEqual([]);
});

it("never hands markup to the browser", () => {
  const forbidden = /dangerouslySetInnerHTML|\.innerHTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function\(/;
  expect(Object.entries(sources).filter(([path, code]) => !path.includes(".test.") && forbidden.test(code)).map(([path]) => path)).toEqual([]);
});
