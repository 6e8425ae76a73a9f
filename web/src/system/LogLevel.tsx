import { Select } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { done } from "../ui/notify.ts";
import { ProblemView } from "../ui/Problem.tsx";
import { LOG_LEVELS, setLogLevel, systemQuery } from "./api.ts";
import { Section } from "./Section.tsx";

export function LogLevel({ level }: { level: string }) {
  const { t } = useTranslation("system");
  const client = useQueryClient();
  const change = useMutation({
    mutationFn: setLogLevel,
    onSuccess: (_, chosen) => {
      done(t("log.changed", { level: t(`log.levels.${chosen}`) }));
      return client.invalidateQueries({ queryKey: systemQuery.queryKey });
    },
  });
  const known = LOG_LEVELS.some((one) => one === level);
  return (
    <Section title={t("log.title")} lead={t("log.lead")}>
      <Select
        label={t("log.label")}
        data={[...LOG_LEVELS.map((value) => ({ value: value as string, label: t(`log.levels.${value}`) })), ...(known ? [] : [{ value: level, label: level }])]}
        value={change.isPending ? change.variables : level}
        onChange={(value) => value && value !== level && change.mutate(value)}
        disabled={change.isPending}
        maw="24rem"
      />
      {change.error && <ProblemView error={change.error} />}
    </Section>
  );
}
