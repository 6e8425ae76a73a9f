// The first start: the link that the server printed, four steps, and one works.
import { Alert, Anchor, Button, Container, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { IconCircleCheck, IconLinkOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/http.ts";
import { fitsLogin, fitsMemberId } from "../admin/api.ts";
import { language, type Language } from "../app/i18n.ts";
import { Logo } from "../app/Logo.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { useTitle } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { setUp, setupQuery } from "./api.ts";
import { ConnectStep } from "./ConnectStep.tsx";
import { LanguageLinks } from "./LanguageLinks.tsx";
import { OrganisationStep } from "./OrganisationStep.tsx";
import { OwnerStep } from "./OwnerStep.tsx";
import { SampleStep } from "./SampleStep.tsx";
import { SHORTEST } from "./strength.ts";
import { Stepper } from "./Stepper.tsx";
import { browserZone } from "./zones.tsx";

export interface Draft {
  name: string;
  login: string;
  password: string;
  again: string;
  organisation: string;
  id: string;
  /** The id was written by hand: it no longer follows the name. */
  ownId: boolean;
  timezone: string;
  locale: Language;
  sample: boolean;
}

export interface StepProps {
  draft: Draft;
  change: (change: Partial<Draft>) => void;
  /** Whether what is missing is said: after the first try to go on. */
  strict: boolean;
}

const fits = [
  (draft: Draft) => draft.name.trim() !== "" && fitsLogin(draft.login) && [...draft.password].length >= SHORTEST && draft.password === draft.again,
  (draft: Draft) => draft.organisation.trim() !== "" && fitsMemberId(draft.id),
  () => true,
];

export function SetupPage() {
  const { t } = useTranslation(["setup", "system"]);
  useTitle(t("title"));
  const { data, error, isPending, refetch } = useQuery(setupQuery);
  const [begun, setBegun] = useState(false);
  return (
    <Container size="md" py="lg" px={{ base: "sm", sm: "lg" }} component="main">
      <Stack gap="lg">
        <Group justify="space-between" gap="sm">
          <Group gap="sm">
            <Logo />
            <Title order={1} size="h3" tabIndex={-1}>
              {t("title")}
            </Title>
          </Group>
          <LanguageLinks />
        </Group>
        {isPending ? (
          <Loading />
        ) : error ? (
          <ProblemView error={error} retry={() => void refetch()} />
        ) : data.needed || begun ? (
          <Wizard onBegun={() => setBegun(true)} />
        ) : (
          <Empty icon={IconCircleCheck} title={t("already.title")} action={<Anchor href="/">{t("already.go")}</Anchor>}>
            {t("already.words")}
          </Empty>
        )}
      </Stack>
    </Container>
  );
}

function Wizard({ onBegun }: { onBegun: () => void }) {
  const { t } = useTranslation("setup");
  const [secret, setSecret] = useState(() => location.hash.slice(1).trim());
  const [step, setStep] = useState(0);
  const [strict, setStrict] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const [sending, setSending] = useState(false);
  const [draft, setDraft] = useState<Draft>(() => ({
    name: "",
    login: "",
    password: "",
    again: "",
    organisation: "",
    id: "",
    ownId: false,
    timezone: browserZone(),
    locale: language(),
    sample: true,
  }));
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) first.current = false;
    else heading.current?.focus();
  }, [step]);
  useEffect(() => {
    const changed = () => setSecret(location.hash.slice(1).trim());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const half = step < 3 && (draft.name !== "" || draft.organisation !== "");
  useEffect(() => {
    if (!half) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [half]);

  const go = (to: number) => {
    setStrict(false);
    setFailure(null);
    setStep(to);
  };
  const finish = async () => {
    setSending(true);
    setFailure(null);
    try {
      await setUp({
        secret,
        id: draft.id,
        name: draft.organisation.trim(),
        timezone: draft.timezone,
        locale: draft.locale,
        owner: { login: draft.login, name: draft.name.trim(), password: draft.password },
        sample: draft.sample,
      });
      onBegun();
      setDraft((was) => ({ ...was, password: "", again: "" }));
      history.replaceState(history.state, "", "/setup");
      go(3);
    } catch (error) {
      setFailure(error);
    } finally {
      setSending(false);
    }
  };
  const next = () => {
    if (!fits[step]?.(draft)) {
      setStrict(true);
      // what is wrong is said at its field; the first of them is where to go on
      requestAnimationFrame(() => document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
      return;
    }
    if (step === 2) void finish();
    else go(step + 1);
  };
  const steps = [t("owner.step"), t("organisation.step"), t("sample.step"), t("connect.step")];
  const props: StepProps = { draft, strict, change: (change) => setDraft((was) => ({ ...was, ...change })) };
  const bodies: ReactNode[] = [<OwnerStep key="owner" {...props} />, <OrganisationStep key="organisation" {...props} />, <SampleStep key="sample" {...props} />];
  if (secret === "" && step < 3) return <SecretMissing onSecret={setSecret} />;
  return (
    <Stack gap="lg">
      <Stepper steps={steps} current={step} back={step < 3 ? go : undefined} />
      <Title order={2} size="h3" ref={heading} tabIndex={-1} style={{ outline: "none" }}>
        {[t("owner.title"), t("organisation.title"), t("sample.title"), t("connect.title")][step]}
      </Title>
      {step === 3 ? (
        <ConnectStep sample={draft.sample} />
      ) : (
        <form
          noValidate
          style={{ maxWidth: "40rem" }}
          onSubmit={(event) => {
            event.preventDefault();
            next();
          }}
        >
          <Stack gap="lg">
            {bodies[step]}
            {failure !== null && <Failure failure={failure} onSecret={setSecret} secret={secret} />}
            <Group justify="space-between">
              {step > 0 ? (
                <Button variant="default" onClick={() => go(step - 1)} disabled={sending}>
                  {t("back")}
                </Button>
              ) : (
                <span />
              )}
              <Button type="submit" loading={sending}>
                {t(step === 2 ? "finish" : "next")}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Stack>
  );
}

/** What the server prints is a whole link; its last part is enough. */
const secretOf = (text: string) => text.trim().replace(/^.*#/, "");

function SecretField({ secret, onSecret }: { secret: string; onSecret: (secret: string) => void }) {
  const { t } = useTranslation("setup");
  const [text, setText] = useState(secret);
  return (
    <Group align="flex-end" gap="xs">
      <TextInput
        label={t("secret.label")}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        autoComplete="off"
        spellCheck={false}
        style={{ flex: "1 1 14rem" }}
      />
      <Button variant="default" disabled={secretOf(text) === "" || secretOf(text) === secret} onClick={() => onSecret(secretOf(text))}>
        {t("secret.use")}
      </Button>
    </Group>
  );
}

function SecretMissing({ onSecret }: { onSecret: (secret: string) => void }) {
  const { t } = useTranslation("setup");
  return (
    <Stack gap="md">
      <Empty icon={IconLinkOff} title={t("secret.missing")}>
        {t("secret.missingWords")}
      </Empty>
      <SecretField secret="" onSecret={onSecret} />
    </Stack>
  );
}

function Failure({ failure, secret, onSecret }: { failure: unknown; secret: string; onSecret: (secret: string) => void }) {
  const { t } = useTranslation("setup");
  const refused = failure instanceof Problem && [401, 403, 404, 410].includes(failure.status);
  if (!refused) return <ProblemView error={failure} />;
  return (
    <Alert role="alert" color="red" variant="light" icon={<IconLinkOff aria-hidden />} title={t("secret.refused")}>
      <Stack gap="sm">
        <Text size="sm">{t("secret.refusedWords")}</Text>
        <SecretField secret={secret} onSecret={onSecret} />
        <Text size="sm">{t("secret.kept")}</Text>
      </Stack>
    </Alert>
  );
}
