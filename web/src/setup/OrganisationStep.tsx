import { Select, Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { fitsMemberId, idOf } from "../admin/api.ts";
import { LANGUAGE_NAMES, LANGUAGES } from "../app/i18n.ts";
import type { StepProps } from "./SetupPage.tsx";
import { ZoneSelect } from "./zones.tsx";

export function OrganisationStep({ draft, change, strict }: StepProps) {
  const { t } = useTranslation("setup");
  const idWrong = (strict || draft.id !== "") && !fitsMemberId(draft.id);
  return (
    <Stack gap="md" maw="32rem">
      <Text>{t("organisation.words")}</Text>
      <TextInput
        label={t("organisation.name")}
        placeholder={t("organisation.example")}
        value={draft.organisation}
        onChange={(event) => {
          const organisation = event.currentTarget.value;
          change({ organisation, ...(draft.ownId ? {} : { id: idOf(organisation) }) });
        }}
        error={strict && draft.organisation.trim() === "" ? t("organisation.nameMissing") : undefined}
        autoComplete="organization"
        maxLength={200}
        dir="auto"
        required
      />
      <TextInput
        label={t("organisation.id")}
        description={t("organisation.idHint")}
        value={draft.id}
        onChange={(event) => change({ id: event.currentTarget.value.trim().toLowerCase(), ownId: event.currentTarget.value !== "" })}
        error={idWrong ? t("organisation.idWrong") : undefined}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={63}
        required
      />
      <ZoneSelect value={draft.timezone} onChange={(timezone) => change({ timezone })} />
      <Select
        label={t("organisation.language")}
        description={t("organisation.languageHint")}
        data={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))}
        value={draft.locale}
        onChange={(value) => change({ locale: LANGUAGES.find((known) => known === value) ?? draft.locale })}
        required
      />
    </Stack>
  );
}
