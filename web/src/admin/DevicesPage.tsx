import { Button, NumberInput, Text, TextInput } from "@mantine/core";
import { IconDeviceDesktop, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { ConnectCards } from "../system/Connect.tsx";
import { testDevice } from "../system/probes.ts";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { done } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView, useProblemWords } from "../ui/Problem.tsx";
import { addDevice, type Device, devicesQuery, fitsAe, removeDevice } from "./api.ts";
import { Confirm, FormDialog } from "./Dialogs.tsx";
import { Rows } from "./Rows.tsx";

type Open = { kind: "add" } | { kind: "remove"; device: Device } | null;

export function DevicesPage() {
  const { t } = useTranslation(["admin", "system"]);
  const format = useFormat();
  const client = useQueryClient();
  const { data: devices, error, isPending, refetch } = useQuery(devicesQuery);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const changed = (words: string) => {
    void client.invalidateQueries({ queryKey: devicesQuery.queryKey });
    close();
    done(words);
  };
  const add = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setOpen({ kind: "add" })}>
      {t("devices.add")}
    </Button>
  );
  return (
    <Page title={t("devices.title")} lead={t("devices.lead")} actions={add}>
      {isPending ? (
        <Loading />
      ) : error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : devices.length === 0 ? (
        <Empty icon={IconDeviceDesktop} title={t("devices.none")} action={add}>
          {t("devices.noneWords")}
        </Empty>
      ) : (
        <Rows
          label={t("devices.title")}
          rows={[...devices].sort((a, b) => format.collator.compare(a.ae, b.ae))}
          rowKey={(device) => device.ae}
          columns={[
            {
              key: "ae",
              head: t("devices.ae"),
              cell: (device) => (
                <Text size="sm" fw={600} ff="monospace" translate="no">
                  {device.ae}
                </Text>
              ),
            },
            { key: "peer", head: t("devices.peer"), cell: (device) => (device.peer ? <span translate="no">{device.peer}</span> : t("devices.anywhere")) },
            { key: "host", head: t("devices.answers"), cell: (device) => (device.host ? <span translate="no">{`${device.host}:${device.port ?? 104}`}</span> : "—") },
            {
              key: "seen",
              head: t("devices.seen"),
              cell: (device) =>
                device.last_seen ? (
                  <>
                    {format.time(device.last_seen)}
                    {device.last_outcome && (
                      <Text size="xs" c="dimmed">
                        {t(`devices.outcome.${device.last_outcome}`, { defaultValue: device.last_outcome })}
                      </Text>
                    )}
                  </>
                ) : (
                  t("never")
                ),
            },
          ]}
          actions={{
            head: t("actions"),
            cell: (device) => (
              <>
                <TestButton device={device} />
                <Button size="xs" variant="default" aria-label={t("devices.removeThe", { ae: device.ae })} onClick={() => setOpen({ kind: "remove", device })}>
                  {t("remove")}
                </Button>
              </>
            ),
          }}
        />
      )}
      {!isPending && <ConnectCards only={["dicom"]} headings={2} />}
      {open?.kind === "add" && <AddDevice close={close} onDone={(ae) => changed(t("devices.added", { ae }))} />}
      {open?.kind === "remove" && (
        <Confirm
          title={t("devices.removeTitle", { ae: open.device.ae })}
          words={t("devices.removeWords")}
          submit={t("remove")}
          send={() => removeDevice(open.device.ae)}
          onDone={() => changed(t("devices.removed", { ae: open.device.ae }))}
          close={close}
        />
      )}
    </Page>
  );
}

/** A C-ECHO to the device: only where it is known where it answers. */
function TestButton({ device }: { device: Device }) {
  const { t } = useTranslation("admin");
  const problem = useProblemWords();
  const test = useMutation({ mutationFn: () => testDevice({ ae: device.ae }) });
  const failure = test.error ? problem(test.error) : null;
  if (!device.host) return null;
  return (
    <>
      <span aria-live="polite" data-testid={`echo-${device.ae}`} style={{ maxWidth: "24rem" }}>
        {test.data && (
          <Text size="xs" component="span" c={test.data.ok ? undefined : "var(--mantine-color-error)"}>
            {test.data.ok ? t("devices.answered", { count: test.data.milliseconds }) : t("devices.silent", { message: t(`devices.echo.${test.data.code}`, { defaultValue: test.data.message }) })}
          </Text>
        )}
        {failure && (
          <Text size="xs" component="span" c="var(--mantine-color-error)">
            {failure.detail || failure.title}
          </Text>
        )}
      </span>
      <Button size="xs" variant="default" loading={test.isPending} aria-label={t("devices.testThe", { ae: device.ae })} onClick={() => test.mutate()}>
        {t("devices.test")}
      </Button>
    </>
  );
}

function AddDevice({ close, onDone }: { close: () => void; onDone: (ae: string) => void }) {
  const { t } = useTranslation("admin");
  const [ae, setAe] = useState("");
  const [peer, setPeer] = useState("");
  const [host, setHost] = useState("");
  const [port, setPort] = useState<number | "">("");
  const portFits = typeof port === "number" && port >= 1 && port <= 65_535;
  const halfEcho = (host.trim() !== "") !== (port !== "");
  return (
    <FormDialog
      title={t("devices.add")}
      submit={t("devices.addSubmit")}
      valid={fitsAe(ae) && !halfEcho && (port === "" || portFits)}
      send={() =>
        addDevice({
          ae,
          ...(peer.trim() === "" ? {} : { peer: peer.trim() }),
          ...(host.trim() !== "" && portFits ? { host: host.trim(), port } : {}),
        })
      }
      onDone={() => onDone(ae)}
      close={close}
    >
      <TextInput
        label={t("devices.ae")}
        description={t("devices.aeHint")}
        error={ae !== "" && !fitsAe(ae) ? t("devices.aeWrong") : undefined}
        value={ae}
        onChange={(event) => setAe(event.currentTarget.value)}
        maxLength={16}
        required
        data-autofocus
        autoComplete="off"
        autoCapitalize="characters"
        spellCheck={false}
      />
      <TextInput
        label={t("devices.peer")}
        description={t("devices.peerHint")}
        placeholder="192.0.2.17"
        value={peer}
        onChange={(event) => setPeer(event.currentTarget.value)}
        maxLength={64}
        autoComplete="off"
        spellCheck={false}
      />
      <TextInput
        label={t("devices.host")}
        description={t("devices.hostHint")}
        placeholder="ct1.example.org"
        value={host}
        onChange={(event) => setHost(event.currentTarget.value)}
        maxLength={253}
        autoComplete="off"
        spellCheck={false}
      />
      <NumberInput
        label={t("devices.port")}
        placeholder="104"
        value={port}
        onChange={(value) => setPort(typeof value === "number" ? value : "")}
        min={1}
        max={65_535}
        allowDecimal={false}
        allowNegative={false}
        hideControls
        error={halfEcho ? t("devices.both") : undefined}
      />
    </FormDialog>
  );
}
