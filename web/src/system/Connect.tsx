// How each kind of client is connected: the values to take along, and a test that does what the client does first.
import { Alert, Anchor, Button, Group, Loader, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { type Icon, IconApi, IconCheck, IconDeviceDesktop, IconFlame, IconPhotoScan, IconTerminal2, IconX } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { CopyField } from "../ui/CopyField.tsx";
import { dicomListener, systemQuery } from "./api.ts";
import { probe, type ProbeKind, type Verdict } from "./probes.ts";

interface CardProps {
  kind: ProbeKind;
  icon: Icon;
  headings: 2 | 3;
  children: ReactNode;
  note?: ReactNode;
}

function ConnectCard({ kind, icon: CardIcon, headings, children, note }: CardProps) {
  const { t } = useTranslation("system");
  const heading = useId();
  const test = useMutation({ mutationFn: () => probe(kind) });
  return (
    <Stack component="section" aria-labelledby={heading} className="card" p="md" gap="sm">
      <Group gap="sm" wrap="nowrap" align="flex-start">
        <ThemeIcon variant="light" size="lg" aria-hidden>
          <CardIcon size={20} stroke={1.6} />
        </ThemeIcon>
        <div>
          <Title order={headings} size="h5" id={heading}>
            {t(`connect.${kind}.title`)}
          </Title>
          <Text size="sm" c="dimmed">
            {t(`connect.${kind}.for`)}
          </Text>
        </div>
      </Group>
      {children}
      {note}
      <Group mt="auto" gap="sm">
        <Button
          size="xs"
          variant="default"
          loading={test.isPending}
          onClick={() => test.mutate()}
          aria-label={t("connect.testThe", { name: t(`connect.${kind}.title`) })}
        >
          {t("connect.test")}
        </Button>
        {test.isPending && <Loader size="xs" aria-label={t("connect.testing")} />}
      </Group>
      <div aria-live="polite">{test.data && !test.isPending && <VerdictView verdict={test.data} kind={kind} />}</div>
    </Stack>
  );
}

export function VerdictView({ verdict, kind }: { verdict: Verdict; kind: ProbeKind }) {
  const { t } = useTranslation("system");
  return (
    <Alert
      variant="light"
      color={verdict.ok ? undefined : "red"}
      p="sm"
      icon={verdict.ok ? <IconCheck aria-hidden /> : <IconX aria-hidden />}
      title={t(verdict.ok ? "connect.works" : "connect.fails", { milliseconds: verdict.milliseconds })}
      data-testid={`verdict-${kind}`}
      data-ok={verdict.ok}
    >
      <Text size="sm">{t(`connect.verdict.${verdict.words}`)}</Text>
      {verdict.detail && (
        <Text size="xs" mt={4} dir="auto">
          {verdict.detail}
        </Text>
      )}
    </Alert>
  );
}

interface Props {
  /** Level of the cards' headings. */
  headings?: 2 | 3;
  /** Which cards; all where nothing is said. */
  only?: ProbeKind[];
  /** A link to where devices are entered, where the page that shows the cards is not that one. */
  devicesLink?: ReactNode;
}

export function ConnectCards({ headings = 3, only, devicesLink }: Props) {
  const { t } = useTranslation("system");
  const { data: report, isPending } = useQuery(systemQuery);
  const dicom = dicomListener(report);
  const origin = location.origin;
  const shows = (kind: ProbeKind) => !only || only.includes(kind);
  return (
    <SimpleGrid cols={only?.length === 1 ? 1 : { base: 1, md: 2 }} spacing="md">
      {shows("dicom") && (
        <ConnectCard
          kind="dicom"
          icon={IconDeviceDesktop}
          headings={headings}
          note={
            <Text size="sm">
              {t("connect.dicom.register")} {devicesLink}
            </Text>
          }
        >
          {dicom ? (
            <>
              <CopyField label={t("connect.host")} value={location.hostname} />
              <CopyField label={t("connect.port")} value={dicom.port} />
              <CopyField label={t("connect.ae")} value={dicom.ae} />
              {dicom.local && <Text size="sm">{t("connect.dicom.local", { port: dicom.port })}</Text>}
            </>
          ) : (
            <Text size="sm">{t(isPending ? "connect.asking" : "connect.dicom.off")}</Text>
          )}
        </ConnectCard>
      )}
      {shows("dicomweb") && (
        <ConnectCard kind="dicomweb" icon={IconPhotoScan} headings={headings} note={<Text size="sm">{t("connect.bearer")}</Text>}>
          <CopyField label={t("connect.address")} value={`${origin}/dicom-web`} />
          <CopyField label={t("connect.header")} value="Authorization: Bearer TOKEN" />
        </ConnectCard>
      )}
      {shows("fhir") && (
        <ConnectCard kind="fhir" icon={IconFlame} headings={headings} note={<Text size="sm">{t("connect.bearer")}</Text>}>
          <CopyField label={t("connect.address")} value={`${origin}/fhir`} />
          <CopyField label={t("connect.fhir.version")} value="R4 (4.0.1), application/fhir+json" />
        </ConnectCard>
      )}
      {shows("script") && (
        <ConnectCard
          kind="script"
          icon={IconTerminal2}
          headings={headings}
          note={
            <Text size="sm">
              {t("connect.script.api")}{" "}
              <Anchor href="/api/openapi.json" target="_blank" size="sm" underline="always">
                OpenAPI
              </Anchor>
            </Text>
          }
        >
          <CopyField label={t("connect.example")} value={curlExample(origin, "TOKEN")} />
        </ConnectCard>
      )}
      {shows("viewer") && (
        <ConnectCard kind="viewer" icon={IconApi} headings={headings} note={<Text size="sm">{t("connect.viewer.same")}</Text>}>
          <CopyField label="qidoRoot" value={`${origin}/dicom-web`} />
          <CopyField label="wadoRoot" value={`${origin}/dicom-web`} />
          <CopyField
            label={t("connect.viewer.settings")}
            value={'imageRendering: "wadors", thumbnailRendering: "thumbnailDirect", supportsFuzzyMatching: false, qidoSupportsIncludeField: true'}
          />
        </ConnectCard>
      )}
    </SimpleGrid>
  );
}

/** The shortest thing that shows a token working. */
export const curlExample = (origin: string, token: string) => `curl -H "Authorization: Bearer ${token}" "${origin}/fhir/Patient?_count=1"`;
