// What is known about somebody at a glance: problems, allergies, medication, and the latest of each measurement.
import { Anchor, Button, SimpleGrid, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { ProblemView } from "../../ui/Problem.tsx";
import { query, searchQuery } from "../api.ts";
import { observationValue, observationWhen, textOf, titleOf, whenOf } from "../fhir/read.ts";
import type { CodeableConcept, Observation, Resource } from "../fhir/types.ts";
import { useCode } from "../words.ts";
import { type Allergy, allergyQuery, allergyQueryText, isActive } from "./Banner.tsx";
import classes from "./Summary.module.css";
import { type Point, Trend } from "./Trend.tsx";

const of = (patient: string, parameters: Record<string, string | number>) => query({ patient: `Patient/${patient}`, ...parameters });
const problemsOf = (patient: string) => of(patient, { "clinical-status": "active,recurrence,relapse", _sort: "-recorded-date", _count: 50 });
const medicationOf = (patient: string) => of(patient, { status: "active", _sort: "-authoredon", _count: 50 });
const measuredOf = (patient: string, category: string) => of(patient, { category, _sort: "-date", _count: 300 });

/** Whether all that the summary shows has been answered: what comes below it would jump otherwise. */
export function useSummaryAnswered(patient: string): boolean {
  const asked = useQueries({
    queries: [
      searchQuery<Resource>("Condition", problemsOf(patient)),
      searchQuery<Resource>("MedicationRequest", medicationOf(patient)),
      searchQuery<Resource>("Observation", measuredOf(patient, "vital-signs")),
      searchQuery<Resource>("Observation", measuredOf(patient, "laboratory")),
      searchQuery<Resource>("AllergyIntolerance", allergyQueryText(patient)),
    ],
  });
  return asked.every((one) => !one.isPending);
}

export function Summary({ patient }: { patient: string }) {
  const { t } = useTranslation("records");
  return (
    <Stack gap="md" component="section" aria-label={t("summary.title")}>
      <SimpleGrid cols={{ base: 1, sm: 3 }} spacing="md">
        <Listed title={t("summary.problems")} none={t("summary.noProblems")} asked={searchQuery("Condition", problemsOf(patient))} />
        <AllergyCard patient={patient} />
        <Listed title={t("summary.medication")} none={t("summary.noMedication")} asked={searchQuery("MedicationRequest", medicationOf(patient))} />
      </SimpleGrid>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Measured title={t("summary.vitals")} none={t("summary.noVitals")} parameters={measuredOf(patient, "vital-signs")} />
        <Measured title={t("summary.labs")} none={t("summary.noLabs")} parameters={measuredOf(patient, "laboratory")} />
      </SimpleGrid>
    </Stack>
  );
}

function Card({ title, children, foot }: { title: string; children: ReactNode; foot?: ReactNode }) {
  const id = useId();
  return (
    <section className={`card ${classes.card}`} aria-labelledby={id}>
      <Title order={2} size="h5" id={id}>
        {title}
      </Title>
      {children}
      {foot}
    </section>
  );
}

const FEW = 6;

function Fold<T>({ items, children }: { items: T[]; children: (shown: T[]) => ReactNode }) {
  const { t } = useTranslation("records");
  const [all, setAll] = useState(false);
  return (
    <>
      {children(all ? items : items.slice(0, FEW))}
      {items.length > FEW && (
        <Button variant="subtle" size="compact-sm" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? t("fewer") : t("all", { count: items.length })}
        </Button>
      )}
    </>
  );
}

function Waiting() {
  return (
    <Stack gap={8} aria-hidden>
      <Skeleton height={14} width="80%" />
      <Skeleton height={14} width="60%" />
      <Skeleton height={14} width="70%" />
    </Stack>
  );
}

function Named({ resource, detail }: { resource: Resource; detail: string }) {
  const { t } = useTranslation("records");
  const title = titleOf(resource) || t("unnamed");
  return (
    <li>
      <Anchor component={Link} to={`/records/${resource.resourceType}/${resource.id}`} size="sm" className={classes.named} title={title.length > 60 ? title.slice(0, 500) : undefined}>
        <bdi>{title.slice(0, 200)}</bdi>
      </Anchor>
      {detail && (
        <Text size="xs" c="dimmed" lineClamp={2} dir="auto">
          {detail.slice(0, 300)}
        </Text>
      )}
    </li>
  );
}

function Listed({ title, none, asked }: { title: string; none: string; asked: ReturnType<typeof searchQuery<Resource>> }) {
  const format = useFormat();
  const { data, isPending, error, refetch } = useQuery(asked);
  const detail = (resource: Resource) => {
    const dosage = (resource.dosageInstruction as { text?: string }[] | undefined)?.[0]?.text;
    return [dosage, whenOf(resource) && format.date((resource.onsetDateTime as string | undefined) ?? whenOf(resource))].filter(Boolean).join(" · ");
  };
  return (
    <Card title={title}>
      {error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Waiting />
      ) : data.resources.length === 0 ? (
        <Text size="sm" c="dimmed">
          {none}
        </Text>
      ) : (
        <Fold items={data.resources}>
          {(shown) => (
            <ul className={classes.list}>
              {shown.map((resource) => (
                <Named key={resource.id} resource={resource} detail={detail(resource)} />
              ))}
            </ul>
          )}
        </Fold>
      )}
    </Card>
  );
}

function AllergyCard({ patient }: { patient: string }) {
  const { t } = useTranslation("records");
  const code = useCode();
  const { data, isPending, error, refetch } = useQuery(allergyQuery(patient));
  const active = (data?.resources ?? []).filter(isActive);
  const detail = (allergy: Allergy) =>
    [allergy.criticality ? t("summary.criticality", { level: code(allergy.criticality) }) : "", ...(allergy.reaction ?? []).flatMap((reaction) => (reaction.manifestation ?? []).map((one) => textOf(one)))]
      .filter(Boolean)
      .join(" · ");
  return (
    <Card title={t("allergies")}>
      {error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Waiting />
      ) : active.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("noAllergiesRecorded")}
        </Text>
      ) : (
        <Fold items={active}>
          {(shown) => (
            <ul className={classes.list}>
              {shown.map((allergy) => (
                <Named key={allergy.id} resource={allergy} detail={detail(allergy)} />
              ))}
            </ul>
          )}
        </Fold>
      )}
    </Card>
  );
}

interface Series {
  key: string;
  label: string;
  latest: Observation;
  all: Observation[];
}

/** Observations of one code together, newest first, in the order of their latest. */
export function seriesOf(observations: Observation[]): Series[] {
  const byCode = new Map<string, Series>();
  for (const observation of observations) {
    if (observation.status === "entered-in-error" || observation.status === "cancelled") continue;
    const coding = observation.code?.coding?.[0];
    const label = textOf(observation.code);
    const key = coding?.code ? `${coding.system ?? ""}|${coding.code}` : label;
    const known = byCode.get(key);
    if (known) known.all.push(observation);
    else byCode.set(key, { key, label, latest: observation, all: [observation] });
  }
  return [...byCode.values()];
}

function pointsOf(series: Series): Point[] {
  const unit = series.latest.valueQuantity?.unit ?? series.latest.component?.[0]?.valueQuantity?.unit;
  return series.all.flatMap((observation) => {
    const quantity = observation.valueQuantity ?? observation.component?.[0]?.valueQuantity;
    const value = Number(quantity?.value);
    const at = observationWhen(observation);
    return quantity?.value !== undefined && quantity.unit === unit && Number.isFinite(value) && at ? [{ at, value }] : [];
  });
}

/** High, low or abnormal, as the one who measured it said. */
export function useFlag() {
  const { t } = useTranslation("records");
  return (interpretation: CodeableConcept[] | undefined): string => {
    const code = interpretation?.[0]?.coding?.[0]?.code ?? "";
    if (/^(H|HH|HU|>)$/.test(code)) return t("flags.high");
    if (/^(L|LL|LU|<)$/.test(code)) return t("flags.low");
    return /^(A|AA)$/.test(code) ? t("flags.abnormal") : "";
  };
}

function Measured({ title, none, parameters }: { title: string; none: string; parameters: string }) {
  const { t, i18n } = useTranslation("records");
  const format = useFormat();
  const flag = useFlag();
  const [table, setTable] = useState(false);
  const { data, isPending, error, refetch } = useQuery(searchQuery<Observation>("Observation", parameters));
  const series = seriesOf(data?.resources ?? []);
  const bound = (observation: Observation, end: "low" | "high") => {
    const value = Number(observation.referenceRange?.[0]?.[end]?.value);
    return Number.isFinite(value) ? value : undefined;
  };
  return (
    <Card
      title={title}
      foot={
        series.length > 0 && (
          <Button variant="subtle" size="compact-sm" onClick={() => setTable(!table)} aria-pressed={table}>
            {table ? t("summary.asLines") : t("summary.asTable")}
          </Button>
        )
      }
    >
      {error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : isPending ? (
        <Waiting />
      ) : series.length === 0 ? (
        <Text size="sm" c="dimmed">
          {none}
        </Text>
      ) : table ? (
        <div className={classes.tables} tabIndex={0} role="group" aria-label={title}>
          {series.map((one) => (
            <Table key={one.key} captionSide="top" withRowBorders={false} verticalSpacing={2}>
              <Table.Caption ta="start">
                <bdi>{one.label.slice(0, 200)}</bdi>
              </Table.Caption>
              <Table.Thead className="visually-hidden">
                <Table.Tr>
                  <Table.Th>{t("date")}</Table.Th>
                  <Table.Th>{t("value")}</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {one.all.slice(0, 100).map((observation) => (
                  <Table.Tr key={observation.id}>
                    <Table.Td>{format.time(observationWhen(observation))}</Table.Td>
                    <Table.Td ta="end">
                      <bdi>{observationValue(i18n.language, observation).slice(0, 100)}</bdi> {flag(observation.interpretation)}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          ))}
        </div>
      ) : (
        <Fold items={series}>
          {(shown) => (
            <ul className={classes.list}>
              {shown.map((one) => {
                const flagged = flag(one.latest.interpretation);
                return (
                  <li key={one.key} className={classes.measure}>
                    <div className={classes.what}>
                      <Anchor component={Link} to={`/records/Observation/${one.latest.id}`} size="sm" className={classes.named} title={one.label.slice(0, 300)}>
                        <bdi>{one.label.slice(0, 120)}</bdi>
                      </Anchor>
                      <Text size="xs" c="dimmed">
                        {format.date(observationWhen(one.latest))}
                      </Text>
                    </div>
                    <Trend points={pointsOf(one)} label={one.label.slice(0, 120)} low={bound(one.latest, "low")} high={bound(one.latest, "high")} />
                    <Text size="sm" fw={600} className={classes.value}>
                      <bdi>{observationValue(i18n.language, one.latest).slice(0, 60)}</bdi>
                      {flagged && (
                        <Text span size="xs" c="var(--mantine-color-error)" fw={600} display="block">
                          {flagged}
                        </Text>
                      )}
                    </Text>
                  </li>
                );
              })}
            </ul>
          )}
        </Fold>
      )}
    </Card>
  );
}

