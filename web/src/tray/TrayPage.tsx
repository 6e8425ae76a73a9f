import { Button, Group, Text, TextInput } from "@mantine/core";
import { IconCircleCheck, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { LongList } from "../ui/LongList.tsx";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { spoken } from "../ui/spoken.ts";
import { useDraft } from "../ui/useDraft.ts";
import { type Conflict, conflictsQuery, reasonKey } from "./api.ts";
import { trayRoute } from "./routes.tsx";
import classes from "./tray.module.css";

const words = (conflict: Conflict) =>
  [conflict.patient_name, conflict.current_patient_name, conflict.patient_id, conflict.description, conflict.study].join(" ").toLocaleLowerCase();

function Row({ conflict }: { conflict: Conflict }) {
  const { t } = useTranslation("tray");
  const format = useFormat();
  const key = reasonKey(conflict.reason);
  const name = spoken(conflict.patient_name ?? "") || conflict.patient_id || t("noName");
  const other = spoken(conflict.current_patient_name ?? "");
  return (
    <Link to="/tray/$conflict" params={{ conflict: conflict.id }} className={`card ${classes.row}`}>
      <Text fw={600} size="sm" component="div">
        <Bidi lines={2}>{[name, conflict.description].filter(Boolean).join(" · ")}</Bidi>
      </Text>
      <Text size="sm" component="div">
        {key ? t(`reasons.${key}`) : <Bidi>{conflict.reason}</Bidi>}
      </Text>
      <Group gap="xs">
        <Text size="xs" c="dimmed">
          {t("received", { at: format.time(conflict.received) })}
        </Text>
        {other && other !== name && (
          <Text size="xs" c="dimmed" component="div">
            <Bidi>{t("hereIs", { name: other })}</Bidi>
          </Text>
        )}
      </Group>
    </Link>
  );
}

export function TrayPage() {
  const { t } = useTranslation("tray");
  const { q = "" } = trayRoute.useSearch();
  const navigate = trayRoute.useNavigate();
  const draft = useDraft(q, (next) => void navigate({ search: { q: next || undefined }, replace: true }));
  const conflicts = useQuery(conflictsQuery);
  const wanted = q.trim().toLocaleLowerCase();
  const found = (conflicts.data ?? []).filter((conflict) => words(conflict).includes(wanted));
  return (
    <Page title={t("title")} lead={t("lead")} size="lg">
      {conflicts.isPending ? (
        <Loading rows={4} />
      ) : conflicts.error ? (
        <ProblemView error={conflicts.error} retry={() => void conflicts.refetch()} />
      ) : conflicts.data.length === 0 ? (
        <Empty
          icon={IconCircleCheck}
          title={t("empty.title")}
          action={
            <Button component={Link} to="/upload" variant="default">
              {t("empty.upload")}
            </Button>
          }
        >
          {t("empty.words")}
        </Empty>
      ) : (
        <div className={classes.list}>
          <TextInput maw={420} label={t("filter")} type="search" leftSection={<IconSearch size={16} aria-hidden />} {...draft} />
          <Text size="sm" c="dimmed" role="status">
            {t("waiting", { count: found.length })}
          </Text>
          <LongList label={t("title")} items={found} keyOf={(conflict) => conflict.id} estimate={92}>
            {(conflict) => <Row conflict={conflict} />}
          </LongList>
        </div>
      )}
    </Page>
  );
}
