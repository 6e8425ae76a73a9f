// What the palette can find. Nothing of it is kept beyond the page: names of patients never reach the browser's storage.
import type { Icon } from "@tabler/icons-react";
import {
  IconBulb,
  IconBuildingHospital,
  IconDeviceLaptop,
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconPhotoScan,
  IconSettings,
  IconSun,
  IconUser,
  IconUserPlus,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Recent } from "./recent.ts";
import { recents } from "./recent.ts";
import { membersQuery } from "../../api/members.ts";
import { searchStudies, type StudyRow } from "../../imaging/studies/qido.ts";
import { askFhir, matches, patientParameters, query } from "../../records/api.ts";
import { mrnOf, namesOf } from "../../records/fhir/read.ts";
import type { Bundle, Patient } from "../../records/fhir/types.ts";
import { type Format, useFormat } from "../format.ts";
import { LANGUAGE_NAMES, LANGUAGES, setLanguage } from "../i18n.ts";
import { placesFor } from "../navigation.ts";
import { SCHEMES, setScheme } from "../scheme.ts";
import { signOut, useSession } from "../session.tsx";

export type Kind = "recent" | "actions" | "patients" | "studies" | "members";

export interface Entry {
  key: string;
  kind: Kind;
  icon: Icon;
  label: string;
  /** Beside it, quieter: other writings of a name, numbers, dates. */
  detail: string;
  act: () => void;
  /** How it is remembered, where it is. */
  recent?: Recent;
}

const SCHEME_ICONS = { auto: IconDeviceLaptop, light: IconSun, dark: IconMoon, reading: IconBulb };
/** Of each kind. */
const SHOWN = 6;

/** Letters as they compare: without case, accents and width. */
export function folded(text: string): string {
  return text.normalize("NFKD").replace(/\p{Mn}/gu, "").toLowerCase();
}

/** Whether every word of `query` begins a word of `text`; where there are no words, as in Chinese, is in it. */
export function fits(text: string, query: string): boolean {
  const within = folded(text);
  return folded(query)
    .split(/\s+/)
    .filter(Boolean)
    .every((word) => (/^[\p{Script=Latin}\d]+$/u.test(word) ? within.split(/[^\p{L}\d]+/u).some((one) => one.startsWith(word)) : within.includes(word)));
}

export function usePaletteActions(): Entry[] {
  const { t, i18n } = useTranslation();
  const session = useSession();
  const navigate = useNavigate();
  return useMemo(() => {
    const action = (key: string, icon: Icon, label: string, act: () => void, detail = ""): Entry => ({ key: `action:${key}`, kind: "actions", icon, label, detail, act });
    const places = placesFor(session).map((place) => action(place.to, place.icon, t(`nav.${place.name}`), () => void navigate({ to: place.to }), t("palette.goTo")));
    const registers = session.can.includes("write") && session.role !== "guest" && session.role !== "patient" && session.role !== "administrator";
    return [
      ...places,
      ...(registers ? [action("new-patient", IconUserPlus, t("palette.newPatient"), () => void navigate({ to: "/patients", search: { new: true } }))] : []),
      ...SCHEMES.map((scheme) => action(`scheme-${scheme}`, SCHEME_ICONS[scheme], t(`schemes.${scheme}`), () => setScheme(scheme), t("colours"))),
      ...LANGUAGES.map((one) => action(`language-${one}`, IconLanguage, LANGUAGE_NAMES[one], () => void setLanguage(one), t("palette.language"))),
      ...(session.user
        ? [
            action("settings", IconSettings, t("nav.settings"), () => void navigate({ to: "/settings" }), t("palette.goTo")),
            action("help", IconKeyboard, t("nav.help"), () => void navigate({ to: "/help" }), t("palette.goTo")),
            action("sign-out", IconLogout, t("signOut"), () => void signOut()),
          ]
        : []),
    ];
  }, [t, i18n.language, session, navigate]);
}

/** What was opened before. */
export function useRecentEntries(): Entry[] {
  const navigate = useNavigate();
  return recents().map((recent) => ({
    key: `${recent.kind}:${recent.id}`,
    kind: "recent",
    icon: recent.kind === "patients" ? IconUser : IconPhotoScan,
    label: recent.label,
    detail: recent.detail,
    act: () => void (recent.kind === "patients" ? navigate({ to: "/patients/$patient", params: { patient: recent.id } }) : navigate({ to: "/studies/$study", params: { study: recent.id } })),
    recent,
  }));
}

/** The members of the network, where somebody can do something with one. */
export function usePaletteMembers(): (text: string) => Entry[] {
  const { t } = useTranslation();
  const session = useSession();
  const navigate = useNavigate();
  const to = session.can.includes("administer") ? "/admin/members" : session.can.includes("share") ? "/sharing" : null;
  const { data } = useQuery({ ...membersQuery, enabled: to !== null });
  return (text) =>
    (to ? (data ?? []) : [])
      .filter((member) => fits(`${member.name} ${member.id}`, text))
      .slice(0, SHOWN)
      .map((member) => ({
        key: `member:${member.id}`,
        kind: "members" as const,
        icon: IconBuildingHospital,
        label: member.name,
        detail: t(to === "/sharing" ? "palette.sharing" : "palette.member"),
        act: () => void navigate({ to: to ?? "/" }),
      }));
}

/** Asks the server for one kind; each answers by itself. */
export interface Source {
  kind: Kind;
  find: (text: string, signal: AbortSignal) => Promise<Entry[]>;
}

export function usePaletteSources(): Source[] {
  const { t, i18n } = useTranslation();
  const session = useSession();
  const navigate = useNavigate();
  const format = useFormat();
  return useMemo(() => {
    const sources: Source[] = [];
    const works = session.can.includes("search") && session.role !== "administrator" && session.role !== "guest";
    if (works && session.role !== "patient")
      sources.push({
        kind: "patients",
        find: async (text, signal) => {
          const parameters = patientParameters(text);
          const bundle = await askFhir<Bundle>(`Patient?${query({ ...parameters, _count: SHOWN, _elements: "name,birthDate,gender,identifier" })}`, signal);
          return matches<Patient>(bundle).map((patient) => patientEntry(patient, format, t, (id) => void navigate({ to: "/patients/$patient", params: { patient: id } })));
        },
      });
    if (works)
      sources.push({
        kind: "studies",
        find: async (text, signal) => {
          const rows = await findStudies(text, signal);
          return rows.map((row) => studyEntry(row, format, t, (uid) => void navigate({ to: "/studies/$study", params: { study: uid } })));
        },
      });
    return sources;
  }, [t, i18n.language, session, navigate, format]);
}

type Translate = (key: string, options?: Record<string, unknown>) => string;

export function patientEntry(patient: Patient, format: Format, t: Translate, go: (id: string) => void): Entry {
  const [name = "", ...others] = namesOf(patient);
  const mrn = mrnOf(patient);
  const facts = [others.join(" · "), patient.birthDate ? `* ${format.date(patient.birthDate)}` : "", mrn];
  const label = name || mrn || t("palette.noName");
  const detail = facts.filter(Boolean).join(" · ");
  return {
    key: `patient:${patient.id}`,
    kind: "patients",
    icon: IconUser,
    label,
    detail,
    act: () => go(patient.id),
    recent: { kind: "patients", id: patient.id, label, detail },
  };
}

function studyEntry(row: StudyRow, format: Format, t: Translate, go: (uid: string) => void): Entry {
  const label = [row.description || row.modalities.join(" ") || t("palette.study"), row.patientName].filter(Boolean).join(" · ");
  const detail = [row.description ? row.modalities.join(" ") : "", format.dicom(row.date), row.accession].filter(Boolean).join(" · ");
  return { key: `study:${row.uid}`, kind: "studies", icon: IconPhotoScan, label, detail, act: () => go(row.uid), recent: { kind: "studies", id: row.uid, label, detail } };
}

/** By patient's name, description, and where a digit was typed by accession and record number. */
async function findStudies(text: string, signal: AbortSignal): Promise<StudyRow[]> {
  const clean = text.replace(/[\\,=*?]/g, " ").trim();
  if (!clean) return [];
  const asked: [string, string][][] = [];
  if (/^[\d.]{12,64}$/.test(clean) && clean.includes(".")) asked.push([["StudyInstanceUID", clean]]);
  else {
    if (/\d/.test(clean)) asked.push([["AccessionNumber", `${clean}*`]], [["PatientID", `${clean}*`]]);
    else asked.push([["PatientName", clean], ["fuzzymatching", "true"]]);
    asked.push([["StudyDescription", `*${clean}*`]]);
  }
  const answers = await Promise.all(asked.map((pairs) => searchStudies(pairs, SHOWN, 0, signal)));
  const seen = new Map<string, StudyRow>();
  for (const row of answers.flatMap((answer) => answer.rows)) if (!seen.has(row.uid)) seen.set(row.uid, row);
  return [...seen.values()].slice(0, SHOWN);
}
