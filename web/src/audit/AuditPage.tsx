import { Alert, Button, Group, Loader, Stack, Switch, Text, UnstyledButton } from "@mantine/core";
import { IconBan, IconDownload, IconExclamationCircle, IconEyeOff, IconShieldCheck } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { useSession } from "../app/session.tsx";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { type AuditEvent, auditQuery, type AuditSearch, parametersOf, patientNamesQuery } from "./api.ts";
import classes from "./AuditPage.module.css";
import { AuditDetails } from "./AuditDetails.tsx";
import { AuditFilters } from "./AuditFilters.tsx";
import { type Told, tell } from "./event.ts";
import { auditRoute } from "./routes.tsx";
import { Sentence } from "./Sentence.tsx";

export function AuditPage() {
  const { t } = useTranslation("audit");
  const session = useSession();
  const search = auditRoute.useSearch();
  const navigate = auditRoute.useNavigate();
  const zone = session.member.timezone;
  const noPatients = session.role === "administrator";
  const [withNames, setWithNames] = useState(false);
  const { data, error, isPending, isFetching, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery(auditQuery(search, zone));
  const events = useMemo(() => (data?.pages ?? []).flatMap((page) => page.events).map((event) => ({ event, told: tell(event) })), [data]);
  const ids = useMemo(() => [...new Set(events.map(({ told }) => told.patient).filter((id) => id !== ""))].slice(0, 100), [events]);
  const { data: names } = useQuery({ ...patientNamesQuery(ids), enabled: withNames && ids.length > 0, placeholderData: (before) => before });
  const [shown, setShown] = useState<{ event: AuditEvent; told: Told } | null>(null);
  const change = (changes: Partial<AuditSearch>) => void navigate({ search: (was) => ({ ...was, ...changes }), replace: true });
  const filtered = Object.keys(search).length > 0;
  const file = `/api/audit.csv?${parametersOf(search, zone).toString()}`;
  return (
    <Page
      title={t("title")}
      lead={t("lead")}
      actions={
        <Button component="a" href={file} download="audit.csv" variant="default" leftSection={<IconDownload size={16} aria-hidden />}>
          {t("csv")}
        </Button>
      }
    >
      {noPatients && (
        <Alert variant="light" icon={<IconEyeOff aria-hidden />} title={t("noPatients.title")}>
          {t("noPatients.words")}
        </Alert>
      )}
      <AuditFilters search={search} change={change} clear={() => void navigate({ search: {} })} noPatients={noPatients} />
      {!noPatients && session.can.includes("search") && (
        // each name that is looked up is an access to that patient, and so an entry of its own
        <Switch label={t("names")} description={t("namesHint")} checked={withNames} onChange={(event) => setWithNames(event.currentTarget.checked)} />
      )}
      {isPending ? (
        <Loading />
      ) : error && events.length === 0 ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : events.length === 0 && !isFetching ? (
        <Empty
          icon={IconShieldCheck}
          title={t("none")}
          action={filtered && <Button onClick={() => void navigate({ search: {} })}>{t("clear")}</Button>}
        >
          {t(filtered ? "noneFiltered" : "noneWords")}
        </Empty>
      ) : (
        <Lines events={events} names={withNames ? names : undefined} show={setShown} />
      )}
      {error && events.length > 0 && <ProblemView error={error} retry={() => void fetchNextPage()} />}
      {hasNextPage && !isPending && (
        <Group justify="center">
          <Button variant="default" onClick={() => void fetchNextPage()} loading={isFetchingNextPage}>
            {t("more")}
          </Button>
        </Group>
      )}
      {isFetching && !isPending && !isFetchingNextPage && <Loader size="sm" aria-label={t("loading")} />}
      {shown && <AuditDetails {...shown} name={withNames ? names?.get(shown.told.patient) : undefined} noPatients={noPatients} close={() => setShown(null)} filter={(found) => {
        setShown(null);
        void navigate({ search: found });
      }} />}
    </Page>
  );
}

interface LinesProps {
  events: { event: AuditEvent; told: Told }[];
  names: Map<string, string> | undefined;
  show: (shown: { event: AuditEvent; told: Told }) => void;
}

function Lines({ events, names, show }: LinesProps) {
  const { t } = useTranslation("audit");
  const { t: words, i18n } = useTranslation("app");
  const format = useFormat();
  return (
    <ol className={`card ${classes.lines}`} aria-label={t("title")}>
      {events.map(({ event, told }) => (
        <li key={told.id} className={classes.line}>
          <UnstyledButton className={classes.open} onClick={() => show({ event, told })} aria-haspopup="dialog">
            <Text size="sm" c="dimmed" component="time" dateTime={told.at} className={classes.time}>
              {format.time(told.at)}
            </Text>
            <Stack gap={2} className={classes.words}>
              <Text size="sm" component="span">
                <Sentence told={told} patientName={names?.get(told.patient)} />
              </Text>
              <Text size="xs" c="dimmed" component="span">
                {told.login !== "" && told.login !== told.who && (
                  <>
                    <Bidi>{told.login}</Bidi>
                    {" · "}
                  </>
                )}
                {told.role !== "" && (i18n.exists(`app:roles.${told.role}`) ? words(`roles.${told.role}`) : told.role)}
                {told.way !== "" && ` · ${i18n.exists(`audit:ways.${told.way}`) ? t(`ways.${told.way}`) : told.way}`}
              </Text>
            </Stack>
            {told.outcome !== "0" && (
              <Group gap={4} wrap="nowrap" className={classes.outcome}>
                {told.outcome === "4" ? <IconBan size={16} aria-hidden /> : <IconExclamationCircle size={16} aria-hidden />}
                <Text size="sm" component="span">
                  {t(`outcomes.${told.outcome === "4" ? "4" : "8"}`)}
                </Text>
              </Group>
            )}
          </UnstyledButton>
        </li>
      ))}
    </ol>
  );
}
