import { Button, Code, Drawer, Group, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { Bidi } from "../ui/Bidi.tsx";
import type { AuditEvent, AuditSearch } from "./api.ts";
import { KINDS, type Told } from "./event.ts";
import { Sentence } from "./Sentence.tsx";

interface Props {
  event: AuditEvent;
  told: Told;
  name?: string;
  /** Whether who looks sees no patients, and so may not search by what may be one's. */
  noPatients: boolean;
  close: () => void;
  /** Shows what else is known of this one. */
  filter: (search: AuditSearch) => void;
}

export function AuditDetails({ event, told, name, noPatients, close, filter }: Props) {
  const { t, i18n } = useTranslation("audit");
  const { t: words } = useTranslation("app");
  const { t: ui } = useTranslation("ui");
  const format = useFormat();
  const either = (key: string, plain: string) => (i18n.exists(`audit:${key}`) ? t(key) : plain);
  const known = KINDS.find((kind) => kind === told.kind);
  const lines: [string, string][] = [
    [t("detail.at"), format.time(told.at)],
    [t("detail.exact"), told.at],
    [t("detail.who"), told.who],
    [t("detail.login"), told.whoAt || told.login],
    [t("detail.role"), i18n.exists(`app:roles.${told.role}`) ? words(`roles.${told.role}`) : told.role],
    [t("detail.action"), `${either(`actions.${told.action}`, told.action)} (${told.interaction})`],
    [t("detail.outcome"), either(`outcomes.${told.outcome}`, told.outcome)],
    [t("detail.kind"), known ? t(`kinds.${known}.name`) : told.kind],
    [t("detail.entity"), told.entity],
    [t("detail.patient"), [name, told.patient].filter(Boolean).join(" · ")],
    [t("detail.query"), told.query],
    [t("detail.purpose"), either(`purposes.${told.purpose}`, told.purpose)],
    [t("detail.way"), either(`ways.${told.way}`, told.way)],
    [t("detail.id"), told.id],
  ];
  return (
    <Drawer opened onClose={close} position="right" size="lg" title={t("detail.title")} closeButtonProps={{ "aria-label": ui("close") }}>
      <Stack gap="md">
        <Text>
          <Sentence told={told} patientName={name} />
        </Text>
        <Stack component="dl" gap="xs" m={0}>
          {lines
            .filter(([, value]) => value !== "")
            .map(([label, value]) => (
              <div key={label}>
                <Text component="dt" size="xs" c="dimmed">
                  {label}
                </Text>
                <Text component="dd" m={0} size="sm">
                  <Bidi>{value}</Bidi>
                </Text>
              </div>
            ))}
        </Stack>
        <Group gap="xs">
          {told.login !== "" && (
            <Button size="xs" variant="default" onClick={() => filter({ user: told.login })}>
              {t("detail.ofUser")}
            </Button>
          )}
          {told.patient !== "" && (
            <Button size="xs" variant="default" onClick={() => filter({ patient: told.patient })}>
              {t("detail.ofPatient")}
            </Button>
          )}
          {told.entity !== "" && told.kind !== "" && !(noPatients && told.kind === "Device") && (
            <Button size="xs" variant="default" onClick={() => filter({ kind: told.kind, id: told.entity })}>
              {t("detail.ofEntity")}
            </Button>
          )}
        </Group>
        <details>
          <summary>{t("detail.json")}</summary>
          <Code block mt="xs" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }} tabIndex={0}>
            {JSON.stringify(event, null, 2)}
          </Code>
        </details>
      </Stack>
    </Drawer>
  );
}
