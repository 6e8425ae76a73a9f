import { Alert, Button, Group, Progress, Stack, Text, Title } from "@mantine/core";
import { IconDatabaseOff, IconLock, IconPlugConnectedX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { useCan } from "../app/session.tsx";
import { Problem } from "../api/http.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { DropZone } from "./DropZone.tsx";
import { goOn } from "./engine.ts";
import { GroupRow } from "./GroupRow.tsx";
import { LongList } from "../ui/LongList.tsx";
import { Report } from "./Report.tsx";
import { forget, type Snapshot, useUpload } from "./store.ts";
import classes from "./upload.module.css";

function useLeft() {
  const { t } = useTranslation("upload");
  return (seconds: number) =>
    seconds < 60 ? t("left.seconds", { count: Math.max(1, Math.ceil(seconds)) })
    : seconds < 5400 ? t("left.minutes", { count: Math.ceil(seconds / 60) })
    : t("left.hours", { count: Math.ceil(seconds / 3600) });
}

function Halted({ why }: { why: NonNullable<Snapshot["halted"]> }) {
  const { t } = useTranslation("upload");
  const Icon = { network: IconPlugConnectedX, signedOut: IconLock, full: IconDatabaseOff }[why];
  return (
    <Alert role="status" variant="default" icon={<Icon aria-hidden />} title={t(`halted.${why}.title`)}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t(`halted.${why}.todo`)}</Text>
        <Group gap="xs">
          {why === "signedOut" && (
            <Button size="xs" component="a" href="/login?next=/" target="_blank" rel="noopener">
              {t("halted.signIn")}
            </Button>
          )}
          {why !== "network" && (
            <Button size="xs" variant="default" onClick={goOn}>
              {t("halted.goOn")}
            </Button>
          )}
        </Group>
      </Stack>
    </Alert>
  );
}

function Total({ snapshot }: { snapshot: Snapshot }) {
  const { t } = useTranslation("upload");
  const format = useFormat();
  const left = useLeft();
  const { running, reading } = snapshot;
  const percent = snapshot.bytes > 0 ? Math.floor((snapshot.sent / snapshot.bytes) * 100) : 0;
  const shown = running ? Math.min(99, percent) : 100;
  const words = [
    t("filesOf", { done: format.number(snapshot.done), count: snapshot.files, total: format.number(snapshot.files) }),
    t("bytesOf", { sent: format.bytes(snapshot.sent), total: format.bytes(snapshot.bytes) }),
    running && snapshot.speed > 0 ? t("speed", { speed: format.bytes(snapshot.speed) }) : "",
    running && snapshot.left !== null ? left(snapshot.left) : "",
  ];
  return (
    <div className={`card ${classes.row}`} data-testid="upload-total">
      <Stack gap={8}>
        <Group justify="space-between">
          <Title order={2} size="h5">
            {reading.running ? t("reading", { count: reading.files, n: format.number(reading.files) }) : running ? t("running") : t("finished")}
          </Title>
          {!running && (
            <Button size="xs" variant="default" onClick={forget}>
              {t("clear")}
            </Button>
          )}
        </Group>
        <Progress value={shown} size="lg" radius="xl" aria-label={t("progress", { title: t("all"), percent: shown })} />
        <Text size="xs" c="dimmed" style={{ fontVariantNumeric: "tabular-nums" }}>
          {words.filter(Boolean).join(" · ")}
        </Text>
        <div className="visually-hidden" role="status">
          {running ? t("progress", { title: t("all"), percent: Math.floor(shown / 10) * 10 }) : t("finished")}
        </div>
        {running && (
          <Text size="xs" c="dimmed">
            {t("keepOpen")}
          </Text>
        )}
      </Stack>
    </div>
  );
}

export function UploadPage() {
  const { t } = useTranslation("upload");
  const snapshot = useUpload();
  const may = useCan("store");
  const isEmpty = snapshot.groups.length === 0 && snapshot.skipped === 0 && !snapshot.reading.running;
  if (!may)
    return (
      <Page title={t("title")}>
        <ProblemView error={new Problem(403, "role", "")} />
      </Page>
    );
  return (
    <Page title={t("title")} lead={t("lead")} size="lg">
      <DropZone small={!isEmpty} />
      {snapshot.halted && <Halted why={snapshot.halted} />}
      {!isEmpty && <Total snapshot={snapshot} />}
      {snapshot.groups.length > 0 && (
        <section aria-labelledby="upload-studies">
          <Title order={2} size="h4" id="upload-studies" pb="xs">
            {t("studies")}
          </Title>
          <LongList label={t("studies")} items={snapshot.groups} keyOf={(group) => group.key} estimate={132}>
            {(group) => <GroupRow group={group} />}
          </LongList>
        </section>
      )}
      <Report snapshot={snapshot} />
    </Page>
  );
}
