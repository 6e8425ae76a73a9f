import { Badge, Button, Group, Menu, Text } from "@mantine/core";
import { IconDotsVertical, IconUserPlus, IconUsers } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { useSession } from "../app/session.tsx";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { done, failed } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView, useProblemWords } from "../ui/Problem.tsx";
import { changeUser, removeUser, type User, usersQuery } from "./api.ts";
import { Confirm, Secret } from "./Dialogs.tsx";
import { Rows } from "./Rows.tsx";
import { AddUser, EditUser } from "./UserForms.tsx";

type Open =
  | { kind: "add" }
  | { kind: "edit" | "reset" | "remove" | "disable"; user: User }
  | { kind: "secret"; login: string; password: string }
  | null;

export function UsersPage() {
  const { t } = useTranslation("admin");
  const { data: users, error, isPending, refetch } = useQuery(usersQuery);
  const client = useQueryClient();
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const changed = () => client.invalidateQueries({ queryKey: usersQuery.queryKey });
  const add = (
    <Button leftSection={<IconUserPlus size={16} aria-hidden />} onClick={() => setOpen({ kind: "add" })}>
      {t("users.add")}
    </Button>
  );
  const secret = (login: string, password: string | null | undefined, words: string) => {
    void changed();
    if (password) setOpen({ kind: "secret", login, password });
    else {
      close();
      done(words);
    }
  };
  return (
    <Page title={t("users.title")} lead={t("users.lead")} actions={add}>
      {isPending ? (
        <Loading />
      ) : error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : users.length === 0 ? (
        <Empty icon={IconUsers} title={t("users.none")} action={add}>
          {t("users.noneWords")}
        </Empty>
      ) : (
        <UserTable users={users} open={setOpen} changed={changed} />
      )}
      {open?.kind === "add" && (
        <AddUser close={close} onDone={(answer) => secret(answer.login, answer.password, t("users.added", { login: answer.login }))} />
      )}
      {open?.kind === "edit" && (
        <EditUser
          user={open.user}
          lastAdministrator={isLastAdministrator(open.user, users ?? [])}
          close={close}
          onDone={() => secret(open.user.login, undefined, t("users.saved"))}
        />
      )}
      {open?.kind === "reset" && (
        <Confirm
          title={t("users.resetTitle", { name: open.user.name })}
          words={t("users.resetWords")}
          submit={t("users.reset")}
          send={async () => {
            const { password } = await changeUser(open.user.login, { reset_password: true });
            secret(open.user.login, password, t("users.saved"));
          }}
          onDone={() => undefined}
          close={close}
        />
      )}
      {open?.kind === "disable" && (
        <Confirm
          title={t("users.disableTitle", { name: open.user.name })}
          words={t("users.disableWords")}
          submit={t("users.disable")}
          send={() => changeUser(open.user.login, { disabled: true })}
          onDone={() => secret(open.user.login, undefined, t("users.disabledDone", { login: open.user.login }))}
          close={close}
        />
      )}
      {open?.kind === "remove" && (
        <Confirm
          title={t("users.removeTitle", { name: open.user.name })}
          words={t("users.removeWords", { login: open.user.login })}
          submit={t("users.remove")}
          send={() => removeUser(open.user.login)}
          onDone={() => secret(open.user.login, undefined, t("users.removed", { login: open.user.login }))}
          close={close}
        />
      )}
      {open?.kind === "secret" && (
        <Secret
          title={t("users.secretTitle")}
          words={t("users.secretWords")}
          fields={[
            { label: t("users.login"), value: open.login },
            { label: t("users.password"), value: open.password },
            { label: t("users.where"), value: `${location.origin}/login` },
          ]}
          close={close}
        />
      )}
    </Page>
  );
}

/** Without this one nobody could administer the member: the server lets nobody remove, disable or demote them. */
export function isLastAdministrator(user: User, users: readonly User[]): boolean {
  const active = users.filter((other) => other.role === "administrator" && !other.disabled);
  return active.length === 1 && active[0]?.login === user.login;
}

function UserTable({ users, open, changed }: { users: User[]; open: (open: Open) => void; changed: () => Promise<void> }) {
  const { t } = useTranslation("admin");
  const { t: words } = useTranslation("app");
  const session = useSession();
  const format = useFormat();
  const problem = useProblemWords();
  const sorted = [...users].sort((a, b) => format.collator.compare(a.name, b.name));
  const enable = async (user: User) => {
    try {
      await changeUser(user.login, { disabled: false });
      await changed();
      done(t("users.enabledDone", { login: user.login }));
    } catch (error) {
      const { title, detail, todo } = problem(error);
      failed(title, detail || todo);
    }
  };
  return (
    <Rows
      label={t("users.title")}
      rows={sorted}
      rowKey={(user) => user.login}
      columns={[
        {
          key: "name",
          head: t("users.name"),
          cell: (user) => (
            <Group gap="xs">
              <div>
                <Text size="sm" fw={600}>
                  <Bidi>{user.name}</Bidi>
                </Text>
                <Text size="xs" c="dimmed" translate="no">
                  {user.login}
                </Text>
              </div>
              {user.login === session.user?.login && <Badge variant="default">{t("users.you")}</Badge>}
            </Group>
          ),
        },
        {
          key: "role",
          head: t("users.role"),
          cell: (user) => (
            <Group gap={6}>
              <span>{words(`roles.${user.role}`)}</span>
              {user.operator && <Badge variant="default">{t("users.operator")}</Badge>}
              {user.patient && (
                <Text size="xs" c="dimmed" translate="no">
                  Patient/{user.patient}
                </Text>
              )}
            </Group>
          ),
        },
        { key: "state", head: t("users.state"), cell: (user) => (user.disabled ? t("users.isDisabled") : t("users.isActive")) },
        { key: "seen", head: t("users.seen"), cell: (user) => (user.last_seen ? format.time(user.last_seen) : t("never")) },
      ]}
      actions={{
        head: t("actions"),
        cell: (user) => {
          const last = isLastAdministrator(user, users);
          return (
            <Menu position="bottom-end" width={260} keepMounted={false}>
              <Menu.Target>
                <Button size="xs" variant="default" leftSection={<IconDotsVertical size={14} aria-hidden />} aria-label={t("users.manageThe", { name: user.name })}>
                  {t("manage")}
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => open({ kind: "edit", user })}>{t("users.edit")}</Menu.Item>
                <Menu.Item onClick={() => open({ kind: "reset", user })}>{t("users.reset")}</Menu.Item>
                {user.disabled ? (
                  <Menu.Item onClick={() => void enable(user)}>{t("users.enable")}</Menu.Item>
                ) : (
                  <Menu.Item disabled={last} onClick={() => open({ kind: "disable", user })}>
                    {t("users.disable")}
                  </Menu.Item>
                )}
                <Menu.Item disabled={last} c={last ? undefined : "var(--mantine-color-error)"} onClick={() => open({ kind: "remove", user })}>
                  {t("users.remove")}
                </Menu.Item>
                {last && <Menu.Label style={{ whiteSpace: "normal" }}>{t("users.last")}</Menu.Label>}
              </Menu.Dropdown>
            </Menu>
          );
        },
      }}
    />
  );
}
