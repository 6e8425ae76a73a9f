import { Stack, Text, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { fitsLogin, idOf } from "../admin/api.ts";
import { NewPassword, ShownPassword } from "./password.tsx";
import { SHORTEST } from "./strength.ts";
import type { StepProps } from "./SetupPage.tsx";

export function OwnerStep({ draft, change, strict }: StepProps) {
  const { t } = useTranslation("setup");
  const loginWrong = (strict || draft.login !== "") && !fitsLogin(draft.login);
  const short = strict && [...draft.password].length < SHORTEST;
  const differs = (strict || draft.again.length >= draft.password.length) && draft.again !== "" && draft.again !== draft.password;
  return (
    <Stack gap="md" maw="32rem">
      <Text>{t("owner.words")}</Text>
      <TextInput
        label={t("owner.name")}
        value={draft.name}
        onChange={(event) => change({ name: event.currentTarget.value })}
        onBlur={() => draft.login === "" && change({ login: idOf(draft.name).replaceAll("-", ".").slice(0, 64) })}
        error={strict && draft.name.trim() === "" ? t("owner.nameMissing") : undefined}
        autoComplete="name"
        maxLength={200}
        dir="auto"
        required
      />
      <TextInput
        label={t("owner.login")}
        description={t("owner.loginHint")}
        value={draft.login}
        onChange={(event) => change({ login: event.currentTarget.value.trim().toLowerCase() })}
        error={loginWrong ? t("owner.loginWrong") : undefined}
        autoComplete="username"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={64}
        required
      />
      <NewPassword
        label={t("owner.password")}
        value={draft.password}
        onChange={(password) => change({ password })}
        known={[draft.login, ...draft.name.split(/\s+/)]}
        error={short ? t("owner.passwordShort", { count: SHORTEST }) : undefined}
      />
      <ShownPassword
        label={t("owner.again")}
        value={draft.again}
        onChange={(again) => change({ again })}
        autoComplete="new-password"
        error={differs || (strict && draft.again !== draft.password) ? t("owner.differs") : undefined}
      />
    </Stack>
  );
}
