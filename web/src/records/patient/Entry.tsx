// One line of the timeline, whatever it is of.
import { Anchor, Button, Group, Text } from "@mantine/core";
import {
  type Icon,
  IconAlertCircle,
  IconCalendar,
  IconClipboardList,
  IconFile,
  IconFileText,
  IconHeartbeat,
  IconPhotoScan,
  IconPill,
  IconReportMedical,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { observationValue, studyUid, textOf, titleOf, whenOf } from "../fhir/read.ts";
import type { CodeableConcept, ImagingStudy, Observation, Period, Reference, Resource } from "../fhir/types.ts";
import type { Subject } from "../search.ts";
import { useCode, useTypeName } from "../words.ts";
import { useFlag } from "./Summary.tsx";
import { Thumbnail } from "./Thumbnail.tsx";
import { subjectOf } from "./timeline.ts";
import classes from "./Timeline.module.css";

const ICONS: Record<Subject, Icon> = {
  images: IconPhotoScan,
  results: IconHeartbeat,
  conditions: IconAlertCircle,
  medication: IconPill,
  visits: IconCalendar,
  procedures: IconClipboardList,
  documents: IconFileText,
  other: IconFile,
};

export type Item = { kind: "one"; resource: Resource } | { kind: "results"; when: string; observations: Observation[] };

/** Observations of one moment stand together: a panel is one event, not fifteen. */
export function itemsOf(resources: Resource[]): Item[] {
  const items: Item[] = [];
  for (const resource of resources) {
    const when = whenOf(resource);
    const last = items[items.length - 1];
    if (resource.resourceType !== "Observation") items.push({ kind: "one", resource });
    else if (last?.kind === "results" && last.when === when) last.observations.push(resource as Observation);
    else items.push({ kind: "results", when, observations: [resource as Observation] });
  }
  return items;
}

export function whenOfItem(item: Item): string {
  return item.kind === "one" ? whenOf(item.resource) : item.when;
}

function facts(resource: Resource, code: (code: string | undefined) => string): string[] {
  const r = resource as Record<string, unknown>;
  const status = r.clinicalStatus ? textOf(r.clinicalStatus as CodeableConcept) : code(r.status as string | undefined);
  const reason = textOf((r.reasonCode as CodeableConcept[] | undefined)?.[0]);
  const dosage = (r.dosageInstruction as { text?: string }[] | undefined)?.[0]?.text;
  const kind = resource.resourceType === "Encounter" ? textOf(r.class as CodeableConcept | undefined) : "";
  const performer = (r.performer as (Reference & { actor?: Reference })[] | undefined)?.[0];
  const who = (r.requester as Reference | undefined)?.display ?? performer?.actor?.display ?? performer?.display ?? (r.recorder as Reference | undefined)?.display;
  return [kind, reason, dosage, r.conclusion as string | undefined, status, who].filter((one): one is string => Boolean(one));
}

export function Entry({ item }: { item: Item }) {
  const { t } = useTranslation("records");
  const format = useFormat();
  const typeName = useTypeName();
  const code = useCode();
  if (item.kind === "results") return <Results when={item.when} observations={item.observations} />;
  const { resource } = item;
  const study = resource.resourceType === "ImagingStudy" ? (resource as ImagingStudy) : null;
  const uid = study && studyUid(study);
  const SubjectIcon = resource.resourceType === "DiagnosticReport" ? IconReportMedical : ICONS[subjectOf(resource.resourceType)];
  const title = titleOf(resource) || (study ? (study.modality ?? []).map((one) => one.code).join(" ") : "") || typeName(resource.resourceType);
  const period = resource.period as Period | undefined;
  const when = whenOf(resource);
  const end = period?.end && format.date(period.end) !== format.date(when) ? ` – ${format.date(period.end)}` : "";
  const images = Number(study?.numberOfInstances);
  return (
    <li className={classes.entry}>
      <time className={classes.when} dateTime={when || undefined}>
        {when ? format.time(when) : t("undated")}
        {end}
      </time>
      {uid ? (
        <Link to="/studies/$study" params={{ study: uid }} className={classes.picture} aria-hidden tabIndex={-1}>
          <Thumbnail study={uid} />
        </Link>
      ) : (
        <span className={classes.icon}>
          <SubjectIcon size={18} stroke={1.6} aria-hidden />
        </span>
      )}
      <div className={classes.what}>
        <Text size="xs" c="dimmed">
          {typeName(resource.resourceType)}
        </Text>
        <Anchor
          component={Link}
          to={uid ? `/studies/${uid}` : `/records/${resource.resourceType}/${resource.id}`}
          className={classes.title}
          title={title.length > 100 ? title.slice(0, 1000) : undefined}
        >
          <bdi>{title.slice(0, 300)}</bdi>
        </Anchor>
        <Text size="sm" c="dimmed" className={classes.facts}>
          <bdi>
            {study
              ? [(study.modality ?? []).map((one) => one.code).join(" "), Number.isFinite(images) ? t("images", { count: images, n: format.number(images) }) : ""].filter(Boolean).join(" · ")
              : facts(resource, code).join(" · ").slice(0, 400)}
          </bdi>
        </Text>
        {uid && (
          <Anchor component={Link} to={`/records/ImagingStudy/${resource.id}`} size="xs">
            {t("recordOfStudy")}
          </Anchor>
        )}
      </div>
    </li>
  );
}

const FEW = 5;

function Results({ when, observations }: { when: string; observations: Observation[] }) {
  const { t, i18n } = useTranslation("records");
  const format = useFormat();
  const flag = useFlag();
  const [all, setAll] = useState(false);
  const shown = all ? observations : observations.slice(0, FEW);
  return (
    <li className={classes.entry}>
      <time className={classes.when} dateTime={when || undefined}>
        {when ? format.time(when) : t("undated")}
      </time>
      <span className={classes.icon}>
        <IconHeartbeat size={18} stroke={1.6} aria-hidden />
      </span>
      <div className={classes.what}>
        <Text size="xs" c="dimmed">
          {t("measurements", { count: observations.length })}
        </Text>
        <ul className={classes.values}>
          {shown.map((observation) => {
            const label = textOf(observation.code) || t("unnamed");
            const flagged = flag(observation.interpretation);
            return (
              <li key={observation.id}>
                <Anchor component={Link} to={`/records/Observation/${observation.id}`} size="sm" className={classes.title} title={label.length > 60 ? label.slice(0, 500) : undefined}>
                  <bdi>{label.slice(0, 160)}</bdi>
                </Anchor>
                <Group gap={6} wrap="nowrap" style={{ flex: "none", maxWidth: "55%" }}>
                  <Text size="sm" fw={600} truncate>
                    <bdi>{observationValue(i18n.language, observation).slice(0, 120) || "—"}</bdi>
                  </Text>
                  {flagged && (
                    <Text size="xs" c="var(--mantine-color-error)" fw={600}>
                      {flagged}
                    </Text>
                  )}
                </Group>
              </li>
            );
          })}
        </ul>
        {observations.length > FEW && (
          <Button variant="subtle" size="compact-xs" onClick={() => setAll(!all)} aria-expanded={all}>
            {all ? t("fewer") : t("all", { count: observations.length })}
          </Button>
        )}
      </div>
    </li>
  );
}
