import { Alert, Anchor, Button, Group, List, Modal, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconEye, IconPrinter } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useId, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { useSession } from "../app/session.tsx";
import { Bidi } from "../ui/Bidi.tsx";
import { CopyField } from "../ui/CopyField.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { membersQuery } from "../api/members.ts";
import { type Made, makeShare } from "./api.ts";
import { endOf, isDay, PRESETS, presetEnd, today } from "./expiry.ts";
import { PrintCard } from "./PrintCard.tsx";
import { QrCode } from "./qr.tsx";
import classes from "./sharing.module.css";

export interface ShareDialogProps {
  opened: boolean;
  onClose: () => void;
  /** A Study Instance UID, or the id of a Patient: exactly one. */
  study?: string;
  patient?: string;
  /** What is shared, in words: a patient's name, a study's description. */
  title?: string;
}

type Way = "member" | "link";

function Result({ made, title, way, memberName }: { made: Made; title: string; way: Way; memberName: string }) {
  const { t } = useTranslation("sharing");
  const format = useFormat();
  if (way === "member" || !made.link)
    return (
      <Alert variant="default" icon={<IconCircleCheck aria-hidden />} title={t("done.member", { member: memberName })}>
        <Text size="sm">{made.expires ? t("done.until", { until: format.time(made.expires) }) : t("done.always")}</Text>
      </Alert>
    );
  return (
    <Stack gap="md">
      <Alert variant="default" icon={<IconAlertTriangle aria-hidden />} title={t("once.title")}>
        <Text size="sm">{t("once.words")}</Text>
      </Alert>
      <Group align="flex-start" gap="lg">
        <div className={classes.qr}>
          <QrCode value={made.link} title={t("qr.title")} description={t("qr.description")} />
        </div>
        <Stack gap="sm" style={{ flex: "1 1 14rem", minWidth: 0 }}>
          <CopyField label={t("linkLabel")} value={made.link} />
          {made.expires && <Text size="sm">{t("done.until", { until: format.time(made.expires) })}</Text>}
          <Group>
            <Button variant="default" size="sm" leftSection={<IconPrinter size={16} aria-hidden />} onClick={() => window.print()}>
              {t("card.print")}
            </Button>
          </Group>
        </Stack>
      </Group>
      <PrintCard link={made.link} title={title} expires={made.expires} />
    </Stack>
  );
}

/** Gives one study, or all of one patient, to another member or to whoever holds a link. */
export function ShareDialog({ opened, onClose, study, patient, title }: ShareDialogProps) {
  const { t } = useTranslation("sharing");
  const named = title ?? t(study ? "thisStudy" : "thisPatient");
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="lg"
      title={<Bidi>{t("dialog.title", { title: named })}</Bidi>}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      {opened && <ShareForm onClose={onClose} study={study} patient={patient} named={named} />}
    </Modal>
  );
}

function ShareForm({ onClose, study, patient, named }: { onClose: () => void; study?: string; patient?: string; named: string }) {
  const { t } = useTranslation("sharing");
  const format = useFormat();
  const session = useSession();
  const client = useQueryClient();
  const wayId = useId();
  const [way, setWay] = useState<Way>("member");
  const [member, setMember] = useState<string | null>(null);
  const [preset, setPreset] = useState("30");
  const [day, setDay] = useState("");
  const [missing, setMissing] = useState(false);
  const members = useQuery(membersQuery);
  const others = useMemo(
    () =>
      (members.data ?? [])
        .filter((one) => !one.own && one.id !== session.member.id)
        .sort((a, b) => format.collator.compare(a.name, b.name))
        .map((one) => ({ value: one.id, label: one.name })),
    [members.data, session.member.id, format],
  );
  const share = useMutation({
    mutationFn: makeShare,
    onSuccess: () => client.invalidateQueries({ queryKey: ["shares"] }),
  });
  useEffect(() => {
    // a link has an end always
    if (way === "link" && preset === "never") setPreset("30");
  }, [way, preset]);

  if (share.data)
    return (
      <Stack gap="md">
        <Result made={share.data} title={named} way={way} memberName={others.find((one) => one.value === member)?.label ?? ""} />
        <Group justify="space-between">
          <Anchor component={Link} to="/sharing" size="sm" onClick={onClose}>
            {t("done.list")}
          </Anchor>
          <Button onClick={onClose}>{t("done.close")}</Button>
        </Group>
      </Stack>
    );

  const dayIsWrong = preset === "day" && !isDay(day, today(session.member.timezone));
  const submit = () => {
    if ((way === "member" && !member) || dayIsWrong) {
      setMissing(true);
      return;
    }
    const expires = preset === "never" ? undefined : preset === "day" ? endOf(day, session.member.timezone) : presetEnd(Number(preset));
    share.mutate({ study, patient, to: way === "member" ? (member ?? undefined) : undefined, expires });
  };
  const presets = PRESETS.filter((one) => way === "member" || one !== "never").map((one) => ({
    value: one,
    label: one === "never" ? t("expiry.never") : one === "day" ? t("expiry.day") : t("expiry.days", { count: Number(one) }),
  }));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack gap="md">
        <div>
          <Text size="sm" fw={500} id={wayId}>
            {t("way.label")}
          </Text>
          <SegmentedControl
            mt={4}
            fullWidth
            aria-labelledby={wayId}
            value={way}
            onChange={(value) => setWay(value as Way)}
            styles={{ label: { whiteSpace: "normal" } }}
            data={[
              { value: "member", label: t("way.member") },
              { value: "link", label: t("way.link") },
            ]}
          />
        </div>
        {way === "member" && (
          <Select
            label={t("member.label")}
            placeholder={t("member.placeholder")}
            data={others}
            value={member}
            onChange={setMember}
            searchable
            limit={100}
            comboboxProps={{ withinPortal: false }}
            nothingFoundMessage={members.isPending ? t("member.loading") : t("member.none")}
            error={missing && !member ? t("member.missing") : undefined}
          />
        )}
        {members.error && way === "member" && <ProblemView error={members.error} retry={() => void members.refetch()} />}
        <Group align="flex-start" grow preventGrowOverflow={false}>
          <Select comboboxProps={{ withinPortal: false }} label={t("expiry.label")} data={presets} value={preset} onChange={(value) => setPreset(value ?? "30")} />
          {preset === "day" && (
            <TextInput
              type="date"
              label={t("expiry.lastDay")}
              min={today(session.member.timezone)}
              value={day}
              onChange={(event) => setDay(event.currentTarget.value)}
              error={missing && dayIsWrong ? t("expiry.wrong") : undefined}
            />
          )}
        </Group>
        <Alert variant="default" icon={<IconEye aria-hidden />} title={t("sees.title")}>
          <List size="sm" spacing={4}>
            <List.Item>{t(study ? "sees.study" : "sees.patient")}</List.Item>
            <List.Item>{t(way === "link" ? "sees.whoLink" : "sees.whoMember")}</List.Item>
            <List.Item>{t("sees.not")}</List.Item>
            <List.Item>{t("sees.back")}</List.Item>
          </List>
        </Alert>
        {way === "link" && (
          <Text size="sm" c="dimmed">
            {t("warnLink")}
          </Text>
        )}
        {share.error && <ProblemView error={share.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={share.isPending}>
            {t(way === "link" ? "makeLink" : "share")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
