import { Alert, Anchor, Badge, Group, Progress, SimpleGrid, Stack, Text, ThemeIcon } from "@mantine/core";
import { IconAlertTriangle, IconCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Rows } from "../admin/Rows.tsx";
import { useFormat } from "../app/format.ts";
import { useSession } from "../app/session.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { isOver, type Job, type SystemReport, systemQuery } from "./api.ts";
import { ConnectCards } from "./Connect.tsx";
import { DemoReset } from "./DemoReset.tsx";
import { LogLevel } from "./LogLevel.tsx";
import { Section } from "./Section.tsx";

export function SystemPage() {
  const { t } = useTranslation(["system", "admin"]);
  const session = useSession();
  const { data: report, error, isPending, refetch } = useQuery(systemQuery);
  return (
    <Page title={t("title")} lead={t("lead")}>
      {isPending ? (
        <Loading />
      ) : !report ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : (
        <>
          {error && <ProblemView error={error} retry={() => void refetch()} />}
          <Health report={report} />
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
            <Facts report={report} />
            <Storage report={report} />
          </SimpleGrid>
          <Jobs jobs={report.jobs} />
          <Listeners report={report} />
          {session.operator && report.log_level && <LogLevel level={report.log_level} />}
        </>
      )}
      {!isPending && <Section title={t("connect.title")} lead={t("connect.lead")}>
        <ConnectCards headings={3} devicesLink={
            <Anchor component={Link} to="/admin/devices" size="sm" underline="always">
              {t("connect.devices")}
            </Anchor>
          } />
      </Section>}
      {!isPending && session.demo && session.operator && <DemoReset />}
    </Page>
  );
}

function Health({ report }: { report: SystemReport }) {
  const { t, i18n } = useTranslation("system");
  const ill = report.health.filter((check) => !check.ok);
  const nameOf = (name: string) => (i18n.exists(`system:checks.${name}`) ? t(`checks.${name}`) : name);
  return (
    <Section title={t("health")}>
      <Alert
        variant="light"
        color={ill.length > 0 ? "red" : undefined}
        icon={ill.length > 0 ? <IconAlertTriangle aria-hidden /> : <IconCheck aria-hidden />}
        title={ill.length > 0 ? t("ill", { count: ill.length }) : t("well")}
        data-testid="health"
      >
        <Stack gap={6} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
          {report.health.map((check) => (
            <Group key={check.name} component="li" gap="xs" wrap="nowrap" align="flex-start">
              <ThemeIcon size={20} variant="transparent" color={check.ok ? undefined : "red"} aria-hidden>
                {check.ok ? <IconCheck size={16} /> : <IconAlertTriangle size={16} />}
              </ThemeIcon>
              <Text size="sm">
                {t(check.ok ? "ok" : "notOk", { name: nameOf(check.name) })}
                {!check.ok && check.message && ` (${check.message})`}
              </Text>
            </Group>
          ))}
        </Stack>
      </Alert>
    </Section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <Text component="dt" size="xs" c="dimmed">
        {name}
      </Text>
      <Text component="dd" m={0} size="sm">
        {children}
      </Text>
    </div>
  );
}

function Facts({ report }: { report: SystemReport }) {
  const { t } = useTranslation("system");
  const format = useFormat();
  return (
    <Section title={t("server")}>
      <SimpleGrid component="dl" cols={2} spacing="sm" m={0} className="card" p="md">
        <Fact name={t("version")}>{report.version}</Fact>
        <Fact name={t("uptime")}>{t(...uptime(report.uptime_seconds))}</Fact>
        <Fact name={t("started")}>{format.time(report.started)}</Fact>
        {typeof report.memory_bytes === "number" && report.memory_bytes > 0 && <Fact name={t("memory")}>{format.bytes(report.memory_bytes)}</Fact>}
      </SimpleGrid>
    </Section>
  );
}

function uptime(seconds: number): [string, { count: number }] {
  if (seconds >= 2 * 86_400) return ["days", { count: Math.floor(seconds / 86_400) }];
  if (seconds >= 2 * 3600) return ["hours", { count: Math.floor(seconds / 3600) }];
  return ["minutes", { count: Math.floor(seconds / 60) }];
}

function Storage({ report }: { report: SystemReport }) {
  const { t } = useTranslation("system");
  const format = useFormat();
  const { storage } = report;
  if (!storage) return null;
  const { data_bytes: data, free_bytes: free, blobs_bytes: blobs, database_bytes: database } = storage;
  const counts = (["studies", "instances", "resources"] as const).filter((key) => typeof storage[key] === "number");
  const parts =
    typeof data === "number"
      ? [
          { key: "images", bytes: blobs ?? 0, color: "lens.7" },
          { key: "records", bytes: database ?? 0, color: "lens.3" },
          { key: "other", bytes: Math.max(0, data - (blobs ?? 0) - (database ?? 0)), color: "gray.5" },
        ].filter((part) => part.bytes > 0)
      : [];
  const space = (data ?? 0) + (free ?? 0);
  return (
    <Section title={t("storage")}>
      <Stack gap="sm" className="card" p="md">
        {typeof free === "number" && space > 0 && (
          <div>
            <Text size="sm" mb={4}>
              {t("diskUsed", { used: format.bytes(data ?? 0), free: format.bytes(free) })}
            </Text>
            <Progress.Root size="lg">
              <Progress.Section value={(100 * (data ?? 0)) / space} aria-label={t("diskBar")} />
            </Progress.Root>
          </div>
        )}
        {typeof data === "number" && data > 0 && (
          <div>
            <Progress.Root size="lg">
              {parts.map((part) => (
                <Progress.Section key={part.key} value={(100 * part.bytes) / data} color={part.color} aria-label={t(`parts.${part.key}`)} />
              ))}
            </Progress.Root>
            <Group gap="md" mt={6} component="ul" m={0} p={0} style={{ listStyle: "none" }}>
              {parts.map((part) => (
                <Group key={part.key} gap={6} component="li">
                  <span aria-hidden style={{ width: 10, height: 10, borderRadius: 3, background: `var(--mantine-color-${part.color.replace(".", "-")})` }} />
                  <Text size="sm">
                    {t(`parts.${part.key}`)}: {format.bytes(part.bytes)}
                  </Text>
                </Group>
              ))}
            </Group>
          </div>
        )}
        {counts.length > 0 && (
          <SimpleGrid component="dl" cols={3} m={0} spacing="sm">
            {counts.map((key) => (
              <Fact key={key} name={t(`counts.${key}`)}>
                {format.number(storage[key] ?? 0)}
              </Fact>
            ))}
          </SimpleGrid>
        )}
      </Stack>
    </Section>
  );
}

function Jobs({ jobs }: { jobs: Job[] }) {
  const { t, i18n } = useTranslation("system");
  const format = useFormat();
  return (
    <Section title={t("jobs")} lead={t("jobsLead")}>
      {jobs.length === 0 ? (
        <Text size="sm" className="card" p="md">
          {t("noJobs")}
        </Text>
      ) : (
        <Rows
          label={t("jobs")}
          rows={jobs}
          rowKey={(job) => job.id}
          columns={[
            { key: "kind", head: t("job.kind"), cell: (job) => <Text size="sm" fw={600}>{i18n.exists(`system:job.kinds.${job.kind}`) ? t(`job.kinds.${job.kind}`) : job.kind}</Text> },
            {
              key: "state",
              head: t("job.state"),
              cell: (job) => (
                <>
                  <Badge variant="default" c={job.state === "failed" ? "var(--mantine-color-error)" : undefined}>
                    {t(`job.states.${job.state}`)}
                  </Badge>
                  {job.message && (
                    <Text size="xs" c="dimmed" dir="auto" mt={2}>
                      {job.message}
                    </Text>
                  )}
                </>
              ),
            },
            {
              key: "progress",
              head: t("job.progress"),
              cell: (job) =>
                job.total > 0 && !isOver(job) ? (
                  <>
                    <Progress.Root size="md" miw={120}>
                      <Progress.Section value={(100 * job.done) / job.total} aria-label={t("job.progress")} />
                    </Progress.Root>
                    <Text size="xs" c="dimmed">
                      {t("job.of", { done: format.number(job.done), total: format.number(job.total) })}
                    </Text>
                  </>
                ) : (
                  "—"
                ),
            },
            { key: "started", head: t("job.started"), cell: (job) => format.time(job.started) },
            { key: "ended", head: t("job.ended"), cell: (job) => format.time(job.ended) },
          ]}
        />
      )}
    </Section>
  );
}

function Listeners({ report }: { report: SystemReport }) {
  const { t, i18n } = useTranslation("system");
  return (
    <Section title={t("listeners")} lead={t("listenersLead")}>
      <Rows
        label={t("listeners")}
        rows={report.listeners}
        rowKey={(listener) => `${listener.name} ${listener.address}`}
        columns={[
          {
            key: "name",
            head: t("listener.name"),
            cell: (listener) => (
              <Text size="sm" fw={600}>
                {i18n.exists(`system:listener.names.${listener.name.toLowerCase()}`) ? t(`listener.names.${listener.name.toLowerCase()}`) : listener.name}
              </Text>
            ),
          },
          { key: "address", head: t("listener.address"), cell: (listener) => <span translate="no">{listener.address}</span> },
          { key: "detail", head: t("listener.detail"), cell: (listener) => listener.detail || "—" },
        ]}
      />
    </Section>
  );
}
