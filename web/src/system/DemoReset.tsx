import { Button, Group, Loader, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { FormDialog } from "../admin/Dialogs.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { resetDemo, waitForRestart } from "./api.ts";
import { Section } from "./Section.tsx";

/** Everything back to how the demo began. The server starts anew meanwhile, with new passwords. */
export function DemoReset() {
  const { t } = useTranslation("system");
  const [asking, setAsking] = useState(false);
  const [typed, setTyped] = useState("");
  const waiting = useMutation({
    mutationFn: async () => {
      if (!(await waitForRestart())) throw new Error(t("reset.stillAway"));
      location.assign("/login");
    },
  });
  const word = t("reset.word");
  const close = () => {
    setAsking(false);
    setTyped("");
  };
  return (
    <Section title={t("reset.title")} lead={t("reset.lead")}>
      <Group>
        <Button variant="default" c="var(--mantine-color-error)" onClick={() => setAsking(true)}>
          {t("reset.button")}
        </Button>
      </Group>
      {asking && (
        <FormDialog
          title={t("reset.title")}
          submit={t("reset.button")}
          danger
          valid={typed.trim().toLowerCase() === word.toLowerCase()}
          send={resetDemo}
          onDone={() => {
            close();
            waiting.mutate();
          }}
          close={close}
        >
          <Text size="sm">{t("reset.words")}</Text>
          <TextInput label={t("reset.type", { word })} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} autoComplete="off" data-autofocus />
        </FormDialog>
      )}
      {(waiting.isPending || waiting.isSuccess) && (
        <Modal opened onClose={() => undefined} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false} title={t("reset.running")}>
          <Stack gap="sm" role="status">
            <Group gap="sm" wrap="nowrap">
              <Loader size="sm" aria-hidden />
              <Text size="sm">{t("reset.runningWords")}</Text>
            </Group>
          </Stack>
        </Modal>
      )}
      {waiting.error && <ProblemView error={waiting.error} retry={() => waiting.mutate()} />}
    </Section>
  );
}
