import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconCircleCheck, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { isOver, type Job, systemQuery } from "../system/api.ts";
import { ConnectCards } from "../system/Connect.tsx";
import { ProblemView } from "../ui/Problem.tsx";

export function ConnectStep({ sample }: { sample: boolean }) {
  const { t } = useTranslation("setup");
  const { data: report, error, refetch } = useQuery(systemQuery);
  const job = report?.jobs.find((one) => /sample|demo/i.test(one.kind));
  return (
    <Stack gap="lg">
      <Alert variant="light" icon={<IconCircleCheck aria-hidden />} title={t("connect.ready")}>
        <Stack gap="sm" align="flex-start">
          <Text size="sm">{t("connect.readyWords")}</Text>
          <Group gap="xs">
            <Button component="a" href="/admin/users" size="xs">
              {t("connect.users")}
            </Button>
            <Button component="a" href="/" size="xs" variant="default">
              {t("connect.open")}
            </Button>
          </Group>
        </Stack>
      </Alert>
      {error && <ProblemView error={error} retry={() => void refetch()} />}
      {sample && <div aria-live="polite">{job && <SampleProgress job={job} />}</div>}
      <Text>{t("connect.words")}</Text>
      <ConnectCards headings={3} />
    </Stack>
  );
}

function SampleProgress({ job }: { job: Job }) {
  const { t } = useTranslation("setup");
  if (job.state === "failed") {
    return (
      <Alert color="red" variant="light" icon={<IconX aria-hidden />} title={t("sample.failed")}>
        <Text size="sm">{t("sample.failedWords")}</Text>
        <Text size="xs" mt={4} dir="auto">
          {job.message}
        </Text>
      </Alert>
    );
  }
  const share = job.total > 0 ? Math.round((100 * job.done) / job.total) : 0;
  return (
    <Stack gap={6} className="card" p="md" data-testid="sample-progress" data-state={job.state}>
      <Text size="sm" fw={600}>
        {t(isOver(job) ? "sample.loaded" : "sample.loading")}
      </Text>
      <Progress.Root size="lg">
        <Progress.Section value={job.state === "done" ? 100 : share} aria-label={t("sample.loading")} />
      </Progress.Root>
      {!isOver(job) && (
        <Text size="xs" c="dimmed">
          {t("sample.progress", { done: job.done, total: job.total })}
        </Text>
      )}
    </Stack>
  );
}
