import { Badge, Button, Group, Modal, Stack, Tabs, Text, TextInput } from "@mantine/core";
import { IconBuildingHospital, IconInbox, IconLink, IconSearch, IconShare3 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { spoken } from "../ui/spoken.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { LongList } from "../ui/LongList.tsx";
import { done } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { useDraft } from "../ui/useDraft.ts";
import { type Incoming, incomingQuery, type Outgoing, outgoingQuery, takeBack } from "./api.ts";
import { sharingRoute } from "./routes.tsx";
import classes from "./sharing.module.css";

function What({ share }: { share: Outgoing | Incoming }) {
  const { t } = useTranslation("sharing");
  const name = spoken(share.patient_name ?? "") || t("noName");
  const words = (
    <Bidi lines={2}>{share.study ? [name, share.description].filter(Boolean).join(" · ") : name}</Bidi>
  );
  return (
    <Text size="sm" fw={600} component="div">
      {share.study ? (
        <Link to="/studies/$study" params={{ study: share.study }} className={classes.link}>
          {words}
        </Link>
      ) : share.patient ? (
        <Link to="/patients/$patient" params={{ patient: share.patient }} className={classes.link}>
          {words}
        </Link>
      ) : (
        words
      )}
    </Text>
  );
}

function Expiry({ expires }: { expires?: string | null }) {
  const { t } = useTranslation("sharing");
  const format = useFormat();
  if (!expires) return <Text size="xs">{t("expires.never")}</Text>;
  const left = Date.parse(expires) - Date.now();
  if (left <= 0)
    return (
      <Badge variant="default" tt="none">
        {t("expires.over")}
      </Badge>
    );
  return (
    <Text size="xs" title={format.time(expires)}>
      {t("expires.until", { until: format.time(expires) })}
      {left < 3 * 86_400_000 && <> ({format.relative(expires)})</>}
    </Text>
  );
}

function Row({ share, who, button }: { share: Outgoing | Incoming; who: ReactNode; button?: ReactNode }) {
  const { t } = useTranslation("sharing");
  const format = useFormat();
  return (
    <div className={`card ${classes.row}`} style={{ marginBottom: 8 }} data-testid="share">
      <Group justify="space-between" gap="sm" align="center">
        <Stack gap={4} style={{ flex: "1 1 14rem", minWidth: 0 }}>
          <What share={share} />
          <Group gap="xs">
            <Text size="xs" c="dimmed">
              {t(share.study ? "kinds.study" : "kinds.patient")}
            </Text>
            <Text size="xs" component="div">
              {who}
            </Text>
            {share.created && (
              <Text size="xs" c="dimmed">
                {t("since", { at: format.date(share.created) })}
              </Text>
            )}
            <Expiry expires={share.expires} />
          </Group>
        </Stack>
        {button}
      </Group>
    </div>
  );
}

/** What the filter looks into. */
const words = (share: Outgoing | Incoming) =>
  [share.patient_name, share.description, "member_name" in share ? share.member_name : "", "from_name" in share ? share.from_name : "", share.study, share.patient]
    .join(" ")
    .toLocaleLowerCase();

function TakeBack({ share, close }: { share: Outgoing; close: () => void }) {
  const { t } = useTranslation("sharing");
  const client = useQueryClient();
  const taken = useMutation({
    mutationFn: () => takeBack(share.id),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ["shares"] });
      done(t("takeBack.done"));
      close();
    },
  });
  return (
    <Modal opened onClose={close} title={t("takeBack.title")} closeButtonProps={{ "aria-label": t("close") }}>
      <Stack gap="md">
        <Text size="sm">
          {share.link ? t("takeBack.link") : t("takeBack.member", { member: share.member_name ?? share.to ?? "" })}
        </Text>
        <Text size="sm" fw={600} component="div">
          <Bidi lines={3}>{[spoken(share.patient_name ?? "") || t("noName"), share.description].filter(Boolean).join(" · ")}</Bidi>
        </Text>
        {taken.error && <ProblemView error={taken.error} retry={() => taken.mutate()} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            {t("takeBack.keep")}
          </Button>
          <Button color="red.9" onClick={() => taken.mutate()} loading={taken.isPending}>
            {t("takeBack.yes")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Given({ q }: { q: string }) {
  const { t } = useTranslation("sharing");
  const shares = useQuery(outgoingQuery);
  const [taking, setTaking] = useState<Outgoing | null>(null);
  if (shares.isPending) return <Loading rows={4} />;
  if (shares.error) return <ProblemView error={shares.error} retry={() => void shares.refetch()} />;
  if (shares.data.length === 0)
    return (
      <Empty
        icon={IconShare3}
        title={t("empty.outgoing")}
        action={
          <Button component={Link} to="/studies">
            {t("empty.toStudies")}
          </Button>
        }
      >
        {t("empty.outgoingWords")}
      </Empty>
    );
  const found = newestFirst(shares.data).filter((share) => words(share).includes(q));
  return (
    <>
      {found.length === 0 && <Text c="dimmed">{t("empty.filter")}</Text>}
      <LongList label={t("tabs.outgoing")} items={found} keyOf={(share) => share.id} estimate={78}>
        {(share) => (
          <Row
            share={share}
            who={
              <Group gap={4} wrap="nowrap">
                {share.link ? <IconLink size={14} aria-hidden /> : <IconBuildingHospital size={14} aria-hidden />}
                <Bidi>{share.link ? t("byLink") : (share.member_name ?? share.to ?? "")}</Bidi>
              </Group>
            }
            button={
              <Button size="xs" variant="default" onClick={() => setTaking(share)} aria-label={t("takeBack.of", { what: spoken(share.patient_name ?? "") || t("noName") })}>
                {t("takeBack.button")}
              </Button>
            }
          />
        )}
      </LongList>
      {taking && <TakeBack share={taking} close={() => setTaking(null)} />}
    </>
  );
}

const newestFirst = <T extends { created?: string | null }>(shares: T[]): T[] => [...shares].sort((a, b) => (b.created ?? "").localeCompare(a.created ?? ""));

function Received({ q }: { q: string }) {
  const { t } = useTranslation("sharing");
  const shares = useQuery(incomingQuery);
  if (shares.isPending) return <Loading rows={4} />;
  if (shares.error) return <ProblemView error={shares.error} retry={() => void shares.refetch()} />;
  if (shares.data.length === 0)
    return (
      <Empty icon={IconInbox} title={t("empty.incoming")}>
        {t("empty.incomingWords")}
      </Empty>
    );
  const found = newestFirst(shares.data).filter((share) => words(share).includes(q));
  return (
    <>
      {found.length === 0 && <Text c="dimmed">{t("empty.filter")}</Text>}
      <LongList label={t("tabs.incoming")} items={found} keyOf={(share) => share.id} estimate={78}>
        {(share) => (
          <Row
            share={share}
            who={
              <Group gap={4} wrap="nowrap">
                <IconBuildingHospital size={14} aria-hidden />
                <Bidi>{t("from", { member: share.from_name })}</Bidi>
              </Group>
            }
          />
        )}
      </LongList>
    </>
  );
}

export function SharingPage() {
  const { t } = useTranslation("sharing");
  const { tab, q = "" } = sharingRoute.useSearch();
  const navigate = sharingRoute.useNavigate();
  const draft = useDraft(q, (next) => void navigate({ search: (was) => ({ ...was, q: next || undefined }), replace: true }));
  const wanted = q.trim().toLocaleLowerCase();
  return (
    <Page title={t("title")} lead={t("lead")} size="lg">
      <Tabs
        value={tab ?? "outgoing"}
        onChange={(value) => void navigate({ search: (was) => ({ ...was, tab: value === "incoming" ? "incoming" : undefined }) })}
        keepMounted={false}
      >
        <Tabs.List>
          <Tabs.Tab value="outgoing">{t("tabs.outgoing")}</Tabs.Tab>
          <Tabs.Tab value="incoming">{t("tabs.incoming")}</Tabs.Tab>
        </Tabs.List>
        <TextInput mt="md" maw={420} label={t("filter")} leftSection={<IconSearch size={16} aria-hidden />} type="search" {...draft} />
        <Tabs.Panel value="outgoing" pt="md">
          <Given q={wanted} />
        </Tabs.Panel>
        <Tabs.Panel value="incoming" pt="md">
          <Received q={wanted} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
