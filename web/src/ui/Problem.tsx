import { Alert, Button, Container, Group, Stack, Text } from "@mantine/core";
import { IconAlertTriangle, IconLock, IconPlugConnectedX, IconRefresh } from "@tabler/icons-react";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { linkToken, Problem } from "../api/http.ts";

/** What happened and what to do, for a failure of any kind. The server's own words are shown below ours. */
export function useProblemWords() {
  const { t } = useTranslation("ui");
  return (error: unknown): { title: string; todo: string; detail: string } => {
    if (!(error instanceof Problem)) {
      return { title: t("problem.broken.title"), todo: t("problem.broken.todo"), detail: error instanceof Error ? error.message : "" };
    }
    const kind =
      error.status === 0 ? "offline"
      : error.status === 401 ? "signedOut"
      : error.status === 403 ? "forbidden"
      : error.status === 404 || error.status === 410 ? "absent"
      : error.status === 409 || error.status === 412 ? "conflict"
      : error.status === 413 ? "tooLarge"
      : error.status === 429 ? "busy"
      : error.status === 507 ? "full"
      : error.status >= 500 ? "server"
      : "refused";
    return { title: t(`problem.${kind}.title`), todo: t(`problem.${kind}.todo`), detail: error.message };
  };
}

export function ProblemView({ error, retry, page = false }: { error: unknown; retry?: () => void; page?: boolean }) {
  const { t } = useTranslation("ui");
  const { title, todo, detail } = useProblemWords()(error);
  const offline = error instanceof Problem && error.status === 0;
  const shown = (
    <Alert
      role="alert"
      color={offline ? "yellow" : "red"}
      variant="light"
      title={title}
      icon={offline ? <IconPlugConnectedX aria-hidden /> : <IconAlertTriangle aria-hidden />}
    >
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{todo}</Text>
        {detail && (
          <Text size="xs" dir="auto">
            {detail}
          </Text>
        )}
        {retry && (
          <Button size="xs" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={retry}>
            {t("retry")}
          </Button>
        )}
      </Stack>
    </Alert>
  );
  return page ? (
    <Container size="sm" py="xl">
      {shown}
    </Container>
  ) : (
    shown
  );
}

/** A page of ours that failed: never a blank one. */
export function Broken({ error, reset }: ErrorComponentProps) {
  return <ProblemView error={error} retry={reset} page />;
}

/** Between the end of a session and the login page. */
export function NoSession() {
  const { t } = useTranslation("ui");
  const link = linkToken() !== null;
  return (
    <Container size="sm" py="xl" component="main">
      <Alert icon={<IconLock aria-hidden />} title={t(link ? "noSession.linkTitle" : "noSession.title")} variant="light">
        <Stack gap="sm">
          <Text size="sm">{t(link ? "noSession.linkTodo" : "noSession.todo")}</Text>
          {!link && (
            <Group>
              <Button component="a" href="/login" size="xs">
                {t("noSession.signIn")}
              </Button>
            </Group>
          )}
        </Stack>
      </Alert>
    </Container>
  );
}
