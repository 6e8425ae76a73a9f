// Languages. A namespace is a folder's locales/LANGUAGE.json; one is fetched when a screen first needs it.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";

export const LANGUAGES = ["en", "de", "zh"] as const;
export type Language = (typeof LANGUAGES)[number];
/** Each language in its own words. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: "English", de: "Deutsch", zh: "简体中文" };

const KEY = "lenticular.language";
type Texts = Record<string, unknown>;
const files = import.meta.glob<{ default: Texts }>("/src/*/locales/*.json");

export function preferredLanguage(): Language {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // storage is closed: the browser's language it is
  }
  const wanted = [kept ?? "", ...navigator.languages].map((tag) => tag.toLowerCase().split("-")[0]);
  for (const tag of wanted) {
    const known = LANGUAGES.find((language) => language === tag);
    if (known) return known;
  }
  return "en";
}

/** Whether somebody chose a language in this browser. */
export function hasChosenLanguage(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return false;
  }
}

export async function setLanguage(language: Language) {
  try {
    localStorage.setItem(KEY, language);
  } catch {
    // storage is closed: it holds for this page
  }
  await i18next.changeLanguage(language);
}

/** Letters that look alike and lines that are a third longer: what is not translated, or clipped, is seen (tests ask for `?pseudo`). */
export function pseudo(text: string): string {
  const accents: Record<string, string> = { a: "å", e: "é", i: "î", o: "ö", u: "û", A: "Å", E: "É", I: "Î", O: "Ö", U: "Û", n: "ñ", c: "ç", s: "š" };
  const changed = text.replace(/(\{\{[^}]*\}\}|\$t\([^)]*\)|<[^>]*>)|[aeiouAEIOUncs]/g, (all, kept: string | undefined) => kept ?? accents[all] ?? all);
  return `[${changed}${"~".repeat(Math.ceil(text.length / 3))}]`;
}

function pseudoAll(value: unknown): unknown {
  if (typeof value === "string") return pseudo(value);
  if (Array.isArray(value)) return value.map(pseudoAll);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pseudoAll(inner)]));
  return value;
}

let isPseudo = false;

/** Asked for once, it holds for the tab. */
function pseudoWanted(): boolean {
  try {
    if (new URLSearchParams(location.search).has("pseudo")) sessionStorage.setItem("lenticular.pseudo", "1");
    return sessionStorage.getItem("lenticular.pseudo") !== null;
  } catch {
    return false;
  }
}

export async function startI18n() {
  isPseudo = pseudoWanted();
  i18next.on("languageChanged", (language) => {
    document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
  });
  await i18next
    .use({
      type: "backend" as const,
      init() {},
      read(language: string, namespace: string, callback: (error: unknown, data: Texts | false) => void) {
        const load = files[`/src/${namespace}/locales/${language}.json`];
        if (!load) return callback(new Error(`no texts for ${namespace} in ${language}`), false);
        load().then(
          (module) => callback(null, isPseudo ? (pseudoAll(module.default) as Texts) : module.default),
          (error: unknown) => callback(error, false),
        );
      },
    })
    .use(initReactI18next)
    .init({
      lng: preferredLanguage(),
      fallbackLng: false,
      supportedLngs: [...LANGUAGES],
      load: "languageOnly",
      ns: ["app", "ui"],
      defaultNS: "app",
      interpolation: { escapeValue: false },
      react: { useSuspense: true },
      returnNull: false,
    });
}

export function language(): Language {
  return LANGUAGES.find((known) => known === i18next.language) ?? "en";
}
