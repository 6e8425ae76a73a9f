import { Alert, Button, Checkbox, Group, Modal, Radio, Stack, Text, Title } from "@mantine/core";
import { IconAlertTriangle, IconArrowLeft, IconCircleCheck } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/http.ts";
import { useFormat } from "../app/format.ts";
import { useShortcuts } from "../app/shortcuts.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { done } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { spoken } from "../ui/spoken.ts";
import { type Choice, type Conflict, conflictQuery, conflictsQuery, decide, type Details, reasonKey } from "./api.ts";
import { Differences } from "./Differences.tsx";
import { Picture } from "./Picture.tsx";
import { conflictRoute } from "./routes.tsx";
import classes from "./tray.module.css";

function BackToTray() {
  const { t } = useTranslation("tray");
  return (
    <Button variant="default" size="sm" leftSection={<IconArrowLeft size={16} aria-hidden />} renderRoot={(props) => <Link {...props} to="/tray" />}>
      {t("back")}
    </Button>
  );
}

/** The next one that waits: deciding many goes from one to the next. */
function useNext(id: string): Conflict | undefined {
  const all = useQuery(conflictsQuery).data ?? [];
  const at = all.findIndex((one) => one.id === id);
  const others = all.filter((one) => one.id !== id);
  return others[Math.min(Math.max(at, 0), others.length - 1)];
}

interface DecideProps {
  details: Details;
  onDecided: (choice: Choice, all: boolean) => void;
}

function Decide({ details, onDecided }: DecideProps) {
  const { t, i18n } = useTranslation("tray");
  const client = useQueryClient();
  const { conflict, choices } = details;
  const [choice, setChoice] = useState<Choice | null>(null);
  const [all, setAll] = useState(false);
  const [asked, ask] = useState(false);
  const known = useQuery(conflictsQuery).data ?? [];
  const alike = known.filter((one) => one.id !== conflict.id && one.study === conflict.study && one.reason === conflict.reason).length;
  const deciding = useMutation({
    mutationFn: () => decide(conflict.id, choice ?? "keep", all && alike > 0),
    onSuccess: async () => {
      onDecided(choice ?? "keep", all && alike > 0);
      done(t("decided"));
      await client.invalidateQueries({ queryKey: conflictsQuery.queryKey, exact: true });
      void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" && query.queryKey[0] !== "conflicts" });
    },
    onError: () => ask(false),
  });
  const name = (one: string) => (i18n.exists(`tray:choices.${one}.name`) ? t(`choices.${one}.name`) : one);
  const words = (one: string) => (i18n.exists(`tray:choices.${one}.words`) ? t(`choices.${one}.words`) : "");
  useShortcuts(Object.fromEntries(choices.slice(0, 9).map((one, index) => [String(index + 1), () => setChoice(one)])));
  return (
    <section aria-labelledby="decide" className="card" style={{ padding: "1rem" }}>
      <Stack gap="md">
        <Title order={2} size="h4" id="decide">
          {t("decide")}
        </Title>
        <Radio.Group aria-labelledby="decide" value={choice} onChange={setChoice}>
          <Stack gap="sm">
            {choices.map((one) => (
              <Radio key={one} value={one} label={name(one)} description={words(one)} />
            ))}
          </Stack>
        </Radio.Group>
        {choices.length === 1 && (
          <Text size="sm" c="dimmed">
            {t("onlyKeep")}
          </Text>
        )}
        {alike > 0 && <Checkbox checked={all} onChange={(event) => setAll(event.currentTarget.checked)} label={t("alike", { count: alike })} />}
        {deciding.error && <ProblemView error={deciding.error} />}
        <Group>
          <Button disabled={choice === null} onClick={() => ask(true)}>
            {t("decideButton")}
          </Button>
        </Group>
      </Stack>
      <Modal opened={asked} onClose={() => ask(false)} title={choice ? name(choice) : ""} closeButtonProps={{ "aria-label": t("close") }}>
        <Stack gap="md">
          <Text size="sm">{choice ? words(choice) : ""}</Text>
          {all && alike > 0 && <Text size="sm">{t("alikeConfirm", { count: alike + 1 })}</Text>}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => ask(false)}>
              {t("cancel")}
            </Button>
            <Button data-autofocus loading={deciding.isPending} onClick={() => deciding.mutate()}>
              {t("confirm")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </section>
  );
}

function Side({ details, which, zoomed, zoom }: { details: Details; which: "incoming" | "current"; zoomed: boolean; zoom: () => void }) {
  const { t } = useTranslation("tray");
  const format = useFormat();
  const { conflict } = details;
  const name = spoken((which === "incoming" ? conflict.patient_name : conflict.current_patient_name) ?? "");
  return (
    <section aria-labelledby={`side-${which}`}>
      <Title order={2} size="h5" id={`side-${which}`}>
        {t(`sides.${which}`)}
      </Title>
      <Text size="sm" c="dimmed" component="div" pb="xs">
        <Bidi lines={2}>{[name || t("noName"), which === "incoming" ? t("received", { at: format.time(conflict.received) }) : ""].filter(Boolean).join(" · ")}</Bidi>
      </Text>
      {details[which] ? <Picture id={conflict.id} which={which} zoomed={zoomed} zoom={zoom} /> : <Text size="sm">{t("nothingHere")}</Text>}
    </section>
  );
}

export function ConflictPage() {
  const { t } = useTranslation("tray");
  const { conflict: id } = conflictRoute.useParams();
  return <One key={id} id={id} title={t("one")} />;
}

function One({ id, title }: { id: string; title: string }) {
  const { t } = useTranslation("tray");
  const [decided, setDecided] = useState<Choice | null>(null);
  const details = useQuery({ ...conflictQuery(id), enabled: decided === null });
  const next = useNext(id);
  const [zoomed, setZoomed] = useState(false);
  const zoom = () => setZoomed((was) => !was);
  useShortcuts({ z: zoom }, { enabled: decided === null });
  if (decided)
    return (
      <Page title={title} actions={<BackToTray />} size="lg">
        <div role="status">
          <Empty
            icon={IconCircleCheck}
            title={t("decided")}
            action={
              next && (
                <Button renderRoot={(props) => <Link {...props} to="/tray/$conflict" params={{ conflict: next.id }} />}>{t("next")}</Button>
              )
            }
          >
            {t(`results.${["keep", "replace", "same_patient"].includes(decided) ? decided : "other"}`)}
          </Empty>
        </div>
      </Page>
    );
  const gone = details.error instanceof Problem && details.error.status === 404;
  const key = details.data && reasonKey(details.data.conflict.reason);
  return (
    <Page title={title} lead={t("oneLead")} actions={<BackToTray />} size="xl">
      {details.isPending ? (
        <Loading rows={4} />
      ) : gone ? (
        <Empty icon={IconCircleCheck} title={t("gone.title")}>
          {t("gone.words")}
        </Empty>
      ) : details.error ? (
        <ProblemView error={details.error} retry={() => void details.refetch()} />
      ) : (
        <>
          <Alert variant="default" icon={<IconAlertTriangle aria-hidden />} title={key ? t(`reasons.${key}`) : <Bidi>{details.data.conflict.reason}</Bidi>}>
            <Text size="sm">{t(key ? `explain.${key}` : "explain.other")}</Text>
          </Alert>
          <section aria-labelledby="differences" className="card" style={{ padding: "1rem" }}>
            <Title order={2} size="h4" id="differences" pb={4}>
              {t("differences")}
            </Title>
            <Differences differences={details.data.differences} />
          </section>
          <div className={classes.pair}>
            <Side details={details.data} which="incoming" zoomed={zoomed} zoom={zoom} />
            <Side details={details.data} which="current" zoomed={zoomed} zoom={zoom} />
          </div>
          <Decide details={details.data} onDecided={(choice) => setDecided(choice)} />
          <Text size="xs" c="dimmed">
            {t("keys")}
          </Text>
        </>
      )}
    </Page>
  );
}
