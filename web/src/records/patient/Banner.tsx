import { Badge, Button, Group, Skeleton, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconBuildingHospital, IconUpload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { remember } from "../../app/palette/recent.ts";
import { useCan } from "../../app/session.tsx";
import { useTitle } from "../../ui/Page.tsx";
import { useMemberName } from "../../ui/useMemberName.ts";
import { query, searchQuery } from "../api.ts";
import { isDead, mrnOf, namesOf, textOf } from "../fhir/read.ts";
import type { CodeableConcept, Patient, Resource } from "../fhir/types.ts";
import { ShareButton } from "../ShareButton.tsx";
import { useAge, useSex } from "../words.ts";
import classes from "./Banner.module.css";

export interface Allergy extends Resource {
  code?: CodeableConcept;
  criticality?: string;
  clinicalStatus?: CodeableConcept;
  verificationStatus?: CodeableConcept;
  reaction?: { manifestation?: CodeableConcept[]; severity?: string }[];
}

export const allergyQueryText = (patient: string) => query({ patient: `Patient/${patient}`, _count: 100 });
export const allergyQuery = (patient: string) => searchQuery<Allergy>("AllergyIntolerance", allergyQueryText(patient));

export function isActive(allergy: Allergy): boolean {
  const has = (concept: CodeableConcept | undefined, codes: string[]) => concept?.coding?.some((coding) => codes.includes(coding.code ?? "")) ?? false;
  return !has(allergy.clinicalStatus, ["inactive", "resolved"]) && !has(allergy.verificationStatus, ["refuted", "entered-in-error"]);
}

/** "No known allergy" is an answer, not an allergy (SNOMED CT 716186003 and those below it). */
export function isNone(allergy: Allergy): boolean {
  return allergy.code?.coding?.some((coding) => ["716186003", "409137002", "428607008", "429625007", "428197003"].includes(coding.code ?? "")) ?? false;
}

/** Who this is: stays in sight while the record is read. */
export function Banner({ patient, owner }: { patient: Patient; owner: string | null }) {
  const { t } = useTranslation("records");
  const format = useFormat();
  const age = useAge()(patient);
  const sex = useSex()(patient.gender);
  const canStore = useCan("store");
  const [name = t("noName"), ...others] = namesOf(patient);
  useTitle(name.slice(0, 80));
  const from = useMemberName()(owner ?? "");
  useEffect(() => {
    remember({ kind: "patients", id: patient.id, label: name.slice(0, 200), detail: [...others, mrnOf(patient)].filter(Boolean).join(" · ").slice(0, 200) });
  }, [patient]);
  const facts: [label: string, value: string][] = [
    [t("born"), patient.birthDate ? `${format.date(patient.birthDate)}${age ? ` (${age})` : ""}` : "—"],
    [t("patients.sex"), sex],
    [t("mrn"), mrnOf(patient) || "—"],
  ];
  return (
    <section className={classes.banner} aria-label={t("banner")}>
      <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start" className={classes.top}>
        <div className={classes.names}>
          <Title order={1} size="h3" tabIndex={-1} className={classes.name} title={name.length > 40 ? name.slice(0, 500) : undefined}>
            <bdi>{name.slice(0, 300)}</bdi>
          </Title>
          {others.map((other) => (
            <Text key={other} span c="dimmed" className={classes.other} title={other.slice(0, 500)}>
              <bdi>{other.slice(0, 200)}</bdi>
            </Text>
          ))}
          {isDead(patient) && (
            <Badge color="gray" variant="filled" radius="sm">
              {patient.deceasedDateTime ? t("diedOn", { date: format.date(patient.deceasedDateTime) }) : t("deceased")}
            </Badge>
          )}
          {owner && (
            <Badge variant="light" radius="sm" leftSection={<IconBuildingHospital size={12} aria-hidden />} maw={320} tt="none" title={from.slice(0, 300)}>
              {t("sharedBy")} <bdi>{from.slice(0, 100)}</bdi>
            </Badge>
          )}
        </div>
        <Group gap="xs" wrap="nowrap" className={classes.buttons}>
          {canStore && (
            <Button component={Link} to="/upload" search={{ patient: patient.id } as never} variant="default" leftSection={<IconUpload size={16} aria-hidden />}>
              {t("uploadHere")}
            </Button>
          )}
          <ShareButton patient={patient.id} title={name.slice(0, 200)} />
        </Group>
      </Group>
      <dl className={classes.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <bdi>{value.slice(0, 100)}</bdi>
            </dd>
          </div>
        ))}
        <Allergies patient={patient.id} />
      </dl>
    </section>
  );
}

function Allergies({ patient }: { patient: string }) {
  const { t } = useTranslation("records");
  const { data, isPending, error } = useQuery(allergyQuery(patient));
  const active = (data?.resources ?? []).filter((allergy) => isActive(allergy) && !isNone(allergy));
  const names = active.map((allergy) => textOf(allergy.code) || t("unnamed"));
  const severe = active.some((allergy) => allergy.criticality === "high" || allergy.reaction?.some((reaction) => reaction.severity === "severe"));
  return (
    <div className={classes.allergies}>
      <dt>{t("allergies")}</dt>
      <dd>
        {isPending ? (
          <Skeleton height={12} width={120} mt={6} />
        ) : error ? (
          <Text span c="var(--mantine-color-error)" size="sm">
            {t("allergiesUnknown")}
          </Text>
        ) : names.length === 0 ? (
          t((data?.resources ?? []).some(isNone) ? "noKnownAllergies" : "noAllergiesRecorded")
        ) : (
          <span className={classes.alert} data-severe={severe || undefined}>
            <IconAlertTriangle size={14} aria-hidden style={{ verticalAlign: "-2px", marginInlineEnd: 4 }} />
            <bdi title={names.join(", ").slice(0, 1000)}>{names.map((one) => one.slice(0, 60)).slice(0, 6).join(", ")}</bdi>
            {names.length > 6 && ` +${names.length - 6}`}
          </span>
        )}
      </dd>
    </div>
  );
}
