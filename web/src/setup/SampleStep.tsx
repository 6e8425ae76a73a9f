import { Radio, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { StepProps } from "./SetupPage.tsx";

export function SampleStep({ draft, change }: StepProps) {
  const { t } = useTranslation("setup");
  return (
    <Stack gap="md" maw="40rem">
      <Text>{t("sample.words")}</Text>
      <Radio.Group aria-label={t("sample.title")} value={draft.sample ? "sample" : "empty"} onChange={(value) => change({ sample: value === "sample" })}>
        <Stack gap="sm">
          {(["sample", "empty"] as const).map((option) => (
            <div key={option} className="card" style={{ padding: "0.9rem" }}>
              <Radio value={option} label={t(`sample.${option}`)} description={t(`sample.${option}Words`)} />
            </div>
          ))}
        </Stack>
      </Radio.Group>
      <Text size="sm" c="dimmed">
        {t("sample.summary", { organisation: draft.organisation, id: draft.id, zone: draft.timezone, login: draft.login })}
      </Text>
    </Stack>
  );
}
