import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import type { Patient } from "./fhir/types.ts";

/** "72 years", "5 months", "3 days": at death where somebody died. */
export function useAge() {
  const { t } = useTranslation("records");
  const format = useFormat();
  return (patient: Patient): string => {
    if (patient.deceasedBoolean && !patient.deceasedDateTime) return "";
    const age = format.age(patient.birthDate, patient.deceasedDateTime);
    return age ? t(`age.${age.unit}`, { count: age.value }) : "";
  };
}

export function useSex() {
  const { t } = useTranslation("records");
  return (gender: string | undefined): string => (gender && ["male", "female", "other", "unknown"].includes(gender) ? t(`sex.${gender}`) : "—");
}

const KNOWN = new Set<string>();

/** A code of FHIR's own (`final`, `active`) in the reader's words; another one as it is. */
export function useCode() {
  const { t, i18n } = useTranslation("records");
  return (code: string | undefined): string => {
    if (!code) return "";
    const key = `codes.${code}`;
    if (KNOWN.has(key) || (/^[a-z][a-z-]*$/.test(code) && i18n.exists(`records:${key}`))) {
      KNOWN.add(key);
      return t(key);
    }
    return code;
  };
}

/** The name of an element or type that no language has a word for: `basedOn` as `Based on`. */
export function humanised(name: string): string {
  const spaced = name.replace(/^_/, "").replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1).toLowerCase();
}

export function useTypeName() {
  const { t, i18n } = useTranslation("records");
  return (type: string): string => (/^[A-Z][A-Za-z]+$/.test(type) && i18n.exists(`records:types.${type}`) ? t(`types.${type}`) : humanised(type));
}

/** An element's label, and whether it is in the reader's language. */
export function useElementName() {
  const { t, i18n } = useTranslation("records");
  return (name: string): { label: string; known: boolean } =>
    /^[a-zA-Z]+$/.test(name) && i18n.exists(`records:elements.${name}`) ? { label: t(`elements.${name}`), known: true } : { label: humanised(name), known: false };
}
