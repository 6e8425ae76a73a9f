import { Anchor, Button, Group, Stack, Tabs, Text, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { LongList } from "../ui/LongList.tsx";
import { csv, type Line, lines, reasonKey } from "./report.ts";
import type { Snapshot } from "./store.ts";
import classes from "./upload.module.css";
import { saveFile } from "../ui/save.ts";

const SHOWN = ["refused", "conflict", "duplicate", "skipped", "stored"] as const;

function FileLine({ line }: { line: Line }) {
  const { t } = useTranslation("upload");
  const format = useFormat();
  return (
    <div className={classes.file}>
      <Group gap="xs" justify="space-between" wrap="nowrap" align="baseline">
        <Text size="sm" component="div" style={{ minWidth: 0 }}>
          <Bidi lines={2}>{line.path}</Bidi>
        </Text>
        <Text size="xs" c="dimmed" style={{ flex: "none" }}>
          {format.bytes(line.size)}
        </Text>
      </Group>
      {line.reason && (
        <Text size="xs" c="dimmed">
          {t(reasonKey(line.reason), { code: line.reason })}
        </Text>
      )}
      {line.words && (
        <Text size="xs" c="dimmed" component="div">
          <Bidi lines={3}>{line.words}</Bidi>
        </Text>
      )}
    </div>
  );
}

/** What became of the files, by outcome; only what somebody has to look at comes first. */
export function Report({ snapshot }: { snapshot: Snapshot }) {
  const { t } = useTranslation("upload");
  const counts: Record<(typeof SHOWN)[number], number> = { ...snapshot.counts, skipped: snapshot.skipped };
  const there = SHOWN.filter((name) => counts[name] > 0);
  const [chosen, choose] = useState<string | null>(null);
  const tab = there.find((name) => name === chosen) ?? there[0];
  if (!tab) return null;
  const say = (line: Line) => ({ outcome: t(`outcomes.${line.outcome}`), reason: line.reason ? t(reasonKey(line.reason), { code: line.reason }) : "" });
  const head = ["file", "bytes", "study", "object", "outcome", "reason", "words"].map((name) => t(`columns.${name}`));
  return (
    <section aria-labelledby="upload-report">
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2} size="h4" id="upload-report">
            {t("report")}
          </Title>
          <Button
            size="xs"
            variant="default"
            leftSection={<IconDownload size={14} aria-hidden />}
            onClick={() => saveFile(csv(head, lines("all"), say), `upload-${new Date().toISOString().slice(0, 10)}.csv`)}
          >
            {t("csv")}
          </Button>
        </Group>
        <Tabs value={tab} onChange={choose} keepMounted={false}>
          <Tabs.List>
            {there.map((name) => (
              <Tabs.Tab key={name} value={name}>
                {t(`tabs.${name}`, { count: counts[name] })}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          {there.map((name) => (
            <Tabs.Panel key={name} value={name} pt="sm">
              <Text size="sm" pb="xs">
                {t(`explain.${name}`)}{" "}
                {name === "conflict" && (
                  <Anchor component={Link} to="/tray" size="sm" underline="always">
                    {t("toTray")}
                  </Anchor>
                )}
              </Text>
              <LongList label={t(`outcomes.${name}`)} items={lines(name)} keyOf={(line) => line.id} estimate={52}>
                {(line) => <FileLine line={line} />}
              </LongList>
            </Tabs.Panel>
          ))}
        </Tabs>
      </Stack>
    </section>
  );
}
