// Dates, times, numbers and names as the reader's language and the site's clock have them.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useSession } from "./session.tsx";

export interface Format {
  /** A FHIR date, dateTime or instant; partial dates stay partial. `—` for nothing. */
  date(value: string | null | undefined): string;
  /** Date and time in the site's zone. */
  time(value: string | null | undefined): string;
  /** A DICOM DA (YYYYMMDD) with an optional TM: local to the site already, so never shifted. */
  dicom(date: string | undefined, time?: string): string;
  number(value: number, digits?: number): string;
  bytes(value: number): string;
  /** Age now or at death, in the unit that fits (PS3.3 has Y, M, W, D). */
  age(birthDate: string | undefined, at?: string): { value: number; unit: "year" | "month" | "day" } | null;
  relative(value: string): string;
  collator: Intl.Collator;
}

const PARTIAL = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/;

/** Chinese sorts by pinyin, or by stroke where somebody chose that; German and English as they do. */
export function collation(language: string, chinese: "pinyin" | "stroke" = "pinyin"): string {
  return language.startsWith("zh") ? `zh-u-co-${chinese}` : language;
}

export function makeFormat(language: string, timeZone: string, chinese?: "pinyin" | "stroke"): Format {
  const locale = language === "zh" ? "zh-Hans" : language;
  const make = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
  const day = make({ dateStyle: "medium", timeZone: "UTC" });
  const month = make({ year: "numeric", month: "short", timeZone: "UTC" });
  const moment = make({ dateStyle: "medium", timeStyle: "short", timeZone: zone(timeZone) });
  const floating = make({ dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const format: Format = {
    collator: new Intl.Collator(collation(locale, chinese), { numeric: true, sensitivity: "base" }),
    date(value) {
      if (!value) return "—";
      const partial = PARTIAL.exec(value);
      if (!partial) return valid(value) ? make({ dateStyle: "medium", timeZone: zone(timeZone) }).format(new Date(value)) : value;
      const [, y = "", m, d] = partial;
      if (!m) return y;
      const at = new Date(Date.UTC(Number(y), Number(m) - 1, Number(d ?? "1")));
      return (d ? day : month).format(at);
    },
    time(value) {
      if (!value) return "—";
      if (PARTIAL.test(value)) return format.date(value);
      return valid(value) ? moment.format(new Date(value)) : value;
    },
    dicom(date, time) {
      const found = /^(\d{4})(\d{2})(\d{2})$/.exec(date ?? "");
      if (!found) return date || "—";
      const [, y, m, d] = found.map(Number);
      const clock = /^(\d{2})(\d{2})?(\d{2})?/.exec(time ?? "");
      const at = new Date(Date.UTC(y ?? 0, (m ?? 1) - 1, d ?? 1, Number(clock?.[1] ?? 0), Number(clock?.[2] ?? 0)));
      return (clock ? floating : day).format(at);
    },
    number: (value, digits = 0) =>
      new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: 0 }).format(value),
    bytes(value) {
      const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
      const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
      return new Intl.NumberFormat(locale, {
        style: "unit",
        unit: units[step],
        unitDisplay: step === 0 ? "long" : "short",
        maximumFractionDigits: step === 0 ? 0 : 1,
      }).format(value / 1000 ** step);
    },
    age(birthDate, at) {
      const birth = PARTIAL.exec(birthDate ?? "");
      if (!birth) return null;
      const from = new Date(Date.UTC(Number(birth[1]), Number(birth[2] ?? "1") - 1, Number(birth[3] ?? "1")));
      const to = at && valid(at) ? new Date(at) : new Date();
      const months = (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth() - (to.getUTCDate() < from.getUTCDate() ? 1 : 0);
      if (months >= 24) return { value: Math.floor(months / 12), unit: "year" };
      if (months >= 2) return { value: months, unit: "month" };
      return { value: Math.max(0, Math.floor((to.getTime() - from.getTime()) / 86_400_000)), unit: "day" };
    },
    relative(value) {
      const seconds = (Date.parse(value) - Date.now()) / 1000;
      const steps = [["day", 86_400], ["hour", 3600], ["minute", 60]] as const;
      for (const [unit, length] of steps) if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
      return relative.format(Math.round(seconds), "second");
    },
  };
  return format;
}

function valid(value: string): boolean {
  return !Number.isNaN(Date.parse(value));
}

function zone(name: string): string | undefined {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return name;
  } catch {
    return undefined;
  }
}

/** The reader's own region of the language, where the browser names one: 23 Nov or Nov 23. */
function regional(language: string): string {
  const own = navigator.languages.find((tag) => tag.toLowerCase().startsWith(`${language}-`));
  return language === "zh" ? "zh-Hans" : (own ?? language);
}

export function useFormat(): Format {
  const { i18n } = useTranslation();
  const session = useSession();
  const chinese = session.preferences.chineseOrder === "stroke" ? "stroke" : "pinyin";
  return useMemo(() => makeFormat(regional(i18n.language), session.member.timezone, chinese), [i18n.language, session.member.timezone, chinese]);
}
