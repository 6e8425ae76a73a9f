import { Button, NumberInput, Radio, Select, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { TokenList } from "../admin/Tokens.tsx";
import { api } from "../api/app.ts";
import { Problem } from "../api/http.ts";
import { language, LANGUAGE_NAMES, LANGUAGES, setLanguage } from "../app/i18n.ts";
import { SCHEMES, setScheme, useScheme } from "../app/scheme.ts";
import { useSavePreference, useSession } from "../app/session.tsx";
import { NewPassword, ShownPassword } from "../setup/password.tsx";
import { SHORTEST } from "../setup/strength.ts";
import { Section } from "../system/Section.tsx";
import { done, failed } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView, useProblemWords } from "../ui/Problem.tsx";

/** Saves a preference and says where that fails. */
function useKeep() {
  const save = useSavePreference();
  const problem = useProblemWords();
  return async (key: string, value: unknown) => {
    try {
      await save(key, value);
    } catch (error) {
      const { title, todo } = problem(error);
      failed(title, todo);
    }
  };
}

export function SettingsPage() {
  const { t } = useTranslation(["settings", "admin", "setup"]);
  const session = useSession();
  const [adding, setAdding] = useState(false);
  return (
    <Page title={t("title")} lead={t("lead")} size="md">
      <Appearance />
      <Viewer />
      {session.user && <Password login={session.user.login} />}
      {session.user && (
        <Section title={t("sessions.title")} lead={t("sessions.lead")}>
          <TokenList show="sessions" own />
        </Section>
      )}
      {session.user && session.role !== "patient" && (
        <Section title={t("tokens.title")} lead={t("tokens.lead")}>
          <TokenList show="tokens" own adding={adding} onAdding={setAdding} />
          {!adding && (
            <div>
              <Button variant="default" onClick={() => setAdding(true)}>
                {t("tokens.add")}
              </Button>
            </div>
          )}
        </Section>
      )}
    </Page>
  );
}

function Appearance() {
  const { t, i18n } = useTranslation("settings");
  const { t: words } = useTranslation("app");
  const session = useSession();
  const scheme = useScheme();
  const keep = useKeep();
  // Its own state, because what the session holds reaches the page a turn later and the dot would jump back until then.
  const [order, setOrder] = useState(session.preferences.chineseOrder === "stroke" ? "stroke" : "pinyin");
  const chooseOrder = (value: string) => {
    setOrder(value);
    void keep("chineseOrder", value);
  };
  return (
    <Section title={t("appearance.title")}>
      <Stack gap="md" className="card" p="md">
        <Select
          label={t("appearance.language")}
          description={t("appearance.languageHint")}
          data={LANGUAGES.map((value) => ({ value: value as string, label: LANGUAGE_NAMES[value] }))}
          value={language()}
          onChange={(value) => {
            const chosen = LANGUAGES.find((known) => known === value);
            if (chosen) void setLanguage(chosen).then(() => keep("language", chosen));
          }}
          maw="24rem"
        />
        <Radio.Group label={t("appearance.colours")} value={scheme} onChange={(value) => setScheme(SCHEMES.find((known) => known === value) ?? "auto")}>
          <Stack gap="xs" mt="xs">
            {SCHEMES.map((option) => (
              <Radio key={option} value={option} label={words(`schemes.${option}`)} description={t(`appearance.schemes.${option}`)} />
            ))}
          </Stack>
        </Radio.Group>
        {i18n.language === "zh" && (
          <Radio.Group label={t("appearance.order")} value={order} onChange={chooseOrder}>
            <Stack gap="xs" mt="xs">
              <Radio value="pinyin" label={t("appearance.pinyin")} />
              <Radio value="stroke" label={t("appearance.stroke")} />
            </Stack>
          </Radio.Group>
        )}
        <Text size="sm" c="dimmed">
          {t("appearance.zone", { zone: session.member.timezone.replaceAll("_", " ") })}
        </Text>
      </Stack>
    </Section>
  );
}

const LEAST_MB = 64;
const MOST_MB = 8192;

function Viewer() {
  const { t } = useTranslation("settings");
  const session = useSession();
  const keep = useKeep();
  const kept = session.preferences.viewerMemoryMb;
  const [limit, setLimit] = useState<number | string>(typeof kept === "number" ? kept : "");
  const fits = limit === "" || (typeof limit === "number" && limit >= LEAST_MB && limit <= MOST_MB);
  return (
    <Section title={t("viewer.title")}>
      <div className="card" style={{ padding: "var(--mantine-spacing-md)" }}>
        <NumberInput
          label={t("viewer.memory")}
          description={t("viewer.memoryHint")}
          placeholder={t("viewer.automatic")}
          suffix=" MB"
          value={limit}
          onChange={setLimit}
          onBlur={() => fits && limit !== (kept ?? "") && void keep("viewerMemoryMb", limit === "" ? undefined : limit).then(() => done(t("saved")))}
          error={fits ? undefined : t("viewer.memoryWrong", { least: LEAST_MB, most: MOST_MB })}
          allowDecimal={false}
          allowNegative={false}
          step={128}
          maw="24rem"
          hideControls
        />
      </div>
    </Section>
  );
}

function Password({ login }: { login: string }) {
  const { t } = useTranslation("settings");
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const [again, setAgain] = useState("");
  const change = useMutation({
    mutationFn: () => api("post", "/api/password", { body: { current, new: fresh } }),
    onSuccess: () => {
      setCurrent("");
      setFresh("");
      setAgain("");
      done(t("password.changed"));
    },
  });
  const wrong = change.error instanceof Problem && change.error.status === 403;
  const valid = current !== "" && [...fresh].length >= SHORTEST && fresh === again;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (valid && !change.isPending) change.mutate();
  };
  return (
    <Section title={t("password.title")} lead={t("password.lead")}>
      <form onSubmit={submit} className="card" style={{ padding: "var(--mantine-spacing-md)" }}>
        <Stack gap="md" maw="28rem">
          {/* tells password managers whose password it is */}
          <input type="text" name="username" autoComplete="username" value={login} readOnly hidden />
          <ShownPassword
            label={t("password.current")}
            value={current}
            onChange={(typed) => {
              setCurrent(typed);
              if (wrong) change.reset();
            }}
            autoComplete="current-password"
            error={wrong ? t("password.wrong") : undefined}
          />
          <NewPassword label={t("password.new")} value={fresh} onChange={setFresh} known={[login]} />
          <ShownPassword
            label={t("password.again")}
            value={again}
            onChange={setAgain}
            autoComplete="new-password"
            error={again.length >= fresh.length && again !== "" && again !== fresh ? t("password.differs") : undefined}
          />
          {change.error && !wrong && <ProblemView error={change.error} />}
          <div>
            <Button type="submit" disabled={!valid} loading={change.isPending}>
              {t("password.submit")}
            </Button>
          </div>
        </Stack>
      </form>
    </Section>
  );
}
