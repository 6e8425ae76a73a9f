// The three dialogs of administration: a form, a question, and a secret that is shown once.
import { Alert, Button, Group, Modal, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CopyField } from "../ui/CopyField.tsx";
import { ProblemView } from "../ui/Problem.tsx";

interface FormDialogProps<T> {
  title: string;
  submit: string;
  /** Sends the form; what it gives goes to `onDone`. */
  send: () => Promise<T>;
  onDone: (answer: T) => void;
  close: () => void;
  /** What is wrong with the form is said at its fields; then this is false. */
  valid?: boolean;
  danger?: boolean;
  children: ReactNode;
}

export function FormDialog<T>({ title, submit, send, onDone, close, valid = true, danger = false, children }: FormDialogProps<T>) {
  const { t } = useTranslation("admin");
  const sending = useMutation({ mutationFn: send, onSuccess: onDone });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (valid && !sending.isPending) sending.mutate();
  };
  return (
    <Modal opened onClose={close} title={title} size="lg" closeButtonProps={{ "aria-label": t("close") }}>
      <form onSubmit={onSubmit} noValidate>
        <Stack gap="md">
          {children}
          {sending.error && <ProblemView error={sending.error} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {t("cancel")}
            </Button>
            <Button type="submit" color={danger ? "red.9" : undefined} loading={sending.isPending} disabled={!valid}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface ConfirmProps {
  title: string;
  words: ReactNode;
  submit: string;
  send: () => Promise<unknown>;
  onDone: () => void;
  close: () => void;
}

export function Confirm({ title, words, submit, send, onDone, close }: ConfirmProps) {
  return (
    <FormDialog title={title} submit={submit} send={send} onDone={onDone} close={close} danger>
      <Text size="sm">{words}</Text>
    </FormDialog>
  );
}

interface SecretProps {
  title: string;
  words: string;
  fields: { label: string; value: string }[];
  close: () => void;
}

/** Shown once: the server keeps no copy that it could show again. Only its button closes it. */
export function Secret({ title, words, fields, close }: SecretProps) {
  const { t } = useTranslation("admin");
  return (
    <Modal opened onClose={() => undefined} title={title} size="lg" withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}>
      <Stack gap="md">
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle aria-hidden />}>
          {words}
        </Alert>
        {fields.map((field) => (
          <CopyField key={field.label} label={field.label} value={field.value} />
        ))}
        <Group justify="flex-end">
          <Button onClick={close}>{t("kept")}</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
