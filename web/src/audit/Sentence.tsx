import { Trans, useTranslation } from "react-i18next";
import { Bidi } from "../ui/Bidi.tsx";
import { deed, KINDS, type Told } from "./event.ts";

/** Who did what, to what, of whom: in words. What comes from outside stands in its own element, as text. */
export function Sentence({ told, patientName }: { told: Told; patientName?: string }) {
  const { t } = useTranslation("audit");
  const did = deed(told);
  const known = KINDS.find((kind) => kind === told.kind);
  const many = did === "searched" || did === "listed";
  const noun = known ? t(`kinds.${known}.${many ? "many" : "one"}`) : told.kind !== "" ? t(many ? "kinds.other.many" : "kinds.other.one", { kind: told.kind }) : t("kinds.nothing");
  const patient = told.patient === "" ? null : <strong><Bidi>{patientName || told.patient}</Bidi></strong>;
  const who = <strong>{told.who === "" || told.who === "unknown" ? t("unknown") : <Bidi>{told.who}</Bidi>}</strong>;
  const thing = <span>{noun}</span>;
  const what =
    patient === null ? (
      thing
    ) : told.kind === "Patient" || told.kind === "" ? (
      <Trans ns="audit" i18nKey="patientAlone" t={t} components={{ patient }} />
    ) : (
      <Trans ns="audit" i18nKey={many ? "manyOfPatient" : "ofPatient"} t={t} components={{ thing, patient }} />
    );
  const key = told.outcome === "0" ? `did.${did}` : `tried.${did}`;
  return <Trans ns="audit" i18nKey={key} t={t} components={{ who, what: <span>{what}</span> }} />;
}
