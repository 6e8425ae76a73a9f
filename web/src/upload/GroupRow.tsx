import { ActionIcon, Badge, Group, Progress, Stack, Text, Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconCheck, IconCopy, IconFileCode, IconFileUnknown, IconPhotoScan, IconPlayerPause, IconPlayerPlay, IconRefresh, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { spoken } from "../ui/spoken.ts";
import { cancel, pause, resume, retry } from "./engine.ts";
import type { GroupView } from "./store.ts";
import classes from "./upload.module.css";

const ICONS = { study: IconPhotoScan, fhir: IconFileCode, loose: IconFileUnknown };

const MARKS = { stored: IconCheck, duplicate: IconCopy, conflict: IconAlertTriangle, refused: IconX };

function Mark({ name }: { name: keyof typeof MARKS }) {
  const Icon = MARKS[name];
  return <Icon size={12} aria-hidden style={name === "refused" ? { color: "var(--mantine-color-error)" } : undefined} />;
}

export function Counts({ counts, records = false }: { counts: GroupView["counts"]; records?: boolean }) {
  const { t } = useTranslation("upload");
  return (
    <Group gap={6}>
      {(Object.keys(MARKS) as (keyof typeof MARKS)[])
        .filter((name) => counts[name] > 0)
        .map((name) => (
          <Badge key={name} variant="default" tt="none" radius="sm" leftSection={<Mark name={name} />}>
            {t(records ? `recordCounts.${name}` : `counts.${name}`, { count: counts[name] })}
          </Badge>
        ))}
    </Group>
  );
}

function Buttons({ group, title }: { group: GroupView; title: string }) {
  const { t } = useTranslation("upload");
  const { key, state } = group;
  const button = (label: string, icon: React.ReactNode, act: () => void) => (
    <Tooltip label={label}>
      <ActionIcon size="lg" color="gray" aria-label={`${label}: ${title}`} onClick={act}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
  const open = state === "sending" || state === "waiting";
  return (
    <Group gap={2} wrap="nowrap">
      {open && button(t("pause"), <IconPlayerPause size={18} aria-hidden />, () => pause(key))}
      {state === "paused" && button(t("resume"), <IconPlayerPlay size={18} aria-hidden />, () => resume(key))}
      {(open || state === "paused") && button(t("cancel"), <IconX size={18} aria-hidden />, () => cancel(key))}
      {state === "done" && group.counts.refused > 0 && button(t("retry"), <IconRefresh size={18} aria-hidden />, () => retry(key))}
    </Group>
  );
}

export function GroupRow({ group }: { group: GroupView }) {
  const { t } = useTranslation("upload");
  const format = useFormat();
  const { header, kind, state } = group;
  const Kind = ICONS[kind];
  const title = header ? spoken(header.patientName) || header.patientId || t("noName") : t(`groups.${kind}`);
  const share = group.bytes > 0 ? (group.sent / group.bytes) * 100 : 0;
  const percent = group.done === group.files ? 100 : Math.min(99, Math.floor(share));
  const label = t("progress", { title, percent });
  return (
    <div className={`card ${classes.row}`} data-testid="upload-group">
      <Group gap="sm" align="flex-start" wrap="nowrap">
        <Kind size={22} stroke={1.6} aria-hidden style={{ flex: "none", marginTop: 2 }} />
        <Stack gap={6} style={{ flex: 1, minWidth: 0 }}>
          <Group justify="space-between" gap="xs" wrap="nowrap" align="flex-start">
            <div className={classes.title}>
              <Text fw={600} size="sm" component="div">
                <Bidi lines={2}>{title}</Bidi>
              </Text>
              {header && (
                <Text size="xs" c="dimmed" component="div">
                  <Bidi lines={2}>
                    {[header.patientId, header.modality, header.description, header.date && format.dicom(header.date)].filter(Boolean).join(" · ")}
                  </Bidi>
                </Text>
              )}
            </div>
            <Buttons group={group} title={title} />
          </Group>
          <Progress value={percent} aria-label={label} size="md" radius="xl" color={state === "cancelled" ? "gray" : undefined} />
          <Group gap="xs" justify="space-between">
            <Text size="xs" c="dimmed" style={{ fontVariantNumeric: "tabular-nums" }}>
              {t("filesOf", { done: format.number(group.done), count: group.files, total: format.number(group.files) })}
              {" · "}
              {t("bytesOf", { sent: format.bytes(group.sent), total: format.bytes(group.bytes) })}
            </Text>
            <Text size="xs" fw={600} component="span">
              {state === "done" && <IconCheck size={13} aria-hidden />} {t(`states.${state}`)}
            </Text>
          </Group>
          <Counts counts={group.counts} />
          {kind === "fhir" && <Counts counts={group.records} records />}
          {state === "done" && kind === "study" && header && group.counts.stored + group.counts.duplicate > 0 && (
            <Text size="sm">
              <Link to="/studies/$study" params={{ study: header.study }} className={classes.link}>
                {t("openStudy")}
              </Link>
            </Text>
          )}
        </Stack>
      </Group>
    </div>
  );
}
