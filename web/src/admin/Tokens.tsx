// Tokens and sessions: both open the server to whoever holds them, and both can be ended.
import { Badge, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { type Role, useSession } from "../app/session.tsx";
import { curlExample } from "../system/Connect.tsx";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { done } from "../ui/notify.ts";
import { ProblemView } from "../ui/Problem.tsx";
import { addToken, removeToken, type Token, TOKEN_ROLES, tokensQuery } from "./api.ts";
import { Confirm, FormDialog, Secret } from "./Dialogs.tsx";
import { Rows } from "./Rows.tsx";
import { RoleChoice } from "./UserForms.tsx";

interface Props {
  show: "tokens" | "sessions";
  /** Of the own user alone. */
  own?: boolean;
  adding?: boolean;
  onAdding?: (adding: boolean) => void;
}

export function TokenList({ show, own = false, adding = false, onAdding }: Props) {
  const { t } = useTranslation("admin");
  const { t: words } = useTranslation("app");
  const format = useFormat();
  const client = useQueryClient();
  const { data, error, isPending, refetch } = useQuery(tokensQuery);
  const [removing, setRemoving] = useState<Token | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const changed = () => void client.invalidateQueries({ queryKey: tokensQuery.queryKey });
  const sessions = show === "sessions";
  const browserOf = ({ browser }: Token) => (browser ? (browser.system ? t("sessions.browserOn", { name: browser.name, system: browser.system }) : browser.name) : "");
  const nameOf = (token: Token) => (token.browser ? `${token.agent} · ${browserOf(token)}` : token.agent);
  const rows = (data ?? []).filter((token) => token.session === sessions && (!own || token.own)).sort((a, b) => (b.created > a.created ? 1 : -1));
  return (
    <>
      {isPending ? (
        <Loading rows={3} />
      ) : error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : rows.length === 0 ? (
        <Empty icon={IconKey} title={t(`${show}.none`)} action={onAdding && <Button onClick={() => onAdding(true)}>{t("tokens.add")}</Button>}>
          {t(`${show}.noneWords`)}
        </Empty>
      ) : (
        <Rows
          label={t(`${show}.title`)}
          rows={rows}
          rowKey={(token) => token.id}
          columns={[
            {
              key: "name",
              head: t("tokens.name"),
              cell: (token) => (
                <Group gap="xs">
                  <Text size="sm" fw={600}>
                    <Bidi>{token.agent}</Bidi>
                  </Text>
                  {token.own && !own && <Badge variant="default">{t("tokens.own")}</Badge>}
                </Group>
              ),
            },
            ...(sessions ? [{ key: "browser", head: t("sessions.browser"), cell: (token: Token) => browserOf(token) || "—" }] : []),
            { key: "role", head: t("users.role"), cell: (token) => words(`roles.${token.role}`) },
            { key: "created", head: t("tokens.created"), cell: (token) => format.time(token.created) },
            { key: "used", head: t("tokens.used"), cell: (token) => (token.last_used ? format.time(token.last_used) : t("never")) },
            { key: "expires", head: t("tokens.expires"), cell: (token) => format.time(token.expires) },
          ]}
          actions={{
            head: t("actions"),
            cell: (token) => (
              <Button size="xs" variant="default" aria-label={t(sessions ? "sessions.endThe" : "tokens.revokeThe", { name: nameOf(token) })} onClick={() => setRemoving(token)}>
                {t(sessions ? "sessions.end" : "tokens.revoke")}
              </Button>
            ),
          }}
        />
      )}
      {removing && (
        <Confirm
          title={t(sessions ? "sessions.endThe" : "tokens.revokeThe", { name: nameOf(removing) })}
          words={t(sessions ? "sessions.endWords" : "tokens.revokeWords")}
          submit={t(sessions ? "sessions.end" : "tokens.revoke")}
          send={() => removeToken(removing.id)}
          onDone={() => {
            changed();
            setRemoving(null);
            done(t(sessions ? "sessions.ended" : "tokens.revoked"));
          }}
          close={() => setRemoving(null)}
        />
      )}
      {adding && (
        <AddToken
          close={() => onAdding?.(false)}
          onDone={(token) => {
            changed();
            onAdding?.(false);
            setMade(token);
          }}
        />
      )}
      {made && (
        <Secret
          title={t("tokens.secretTitle")}
          words={t("tokens.secretWords")}
          fields={[
            { label: t("tokens.token"), value: made },
            { label: t("tokens.example"), value: curlExample(location.origin, made) },
          ]}
          close={() => setMade(null)}
        />
      )}
    </>
  );
}

const DAYS = ["1", "7", "30", "90", "365"] as const;

function AddToken({ close, onDone }: { close: () => void; onDone: (token: string) => void }) {
  const { t } = useTranslation("admin");
  const session = useSession();
  const roles: readonly Role[] = session.role === "administrator" ? TOKEN_ROLES : [session.role];
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>(roles[0] ?? session.role);
  const [days, setDays] = useState("30");
  return (
    <FormDialog
      title={t("tokens.add")}
      submit={t("tokens.addSubmit")}
      valid={name.trim() !== ""}
      send={() => addToken({ name: name.trim(), role, days: Number(days) })}
      onDone={(answer) => onDone(answer.token)}
      close={close}
    >
      <TextInput
        label={t("tokens.name")}
        description={t("tokens.nameHint")}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={64}
        required
        data-autofocus
        autoComplete="off"
      />
      <RoleChoice value={role} onChange={setRole} roles={roles} />
      <Select
        label={t("tokens.days")}
        data={DAYS.map((value) => ({ value, label: t("tokens.dayCount", { count: Number(value) }) }))}
        value={days}
        onChange={(value) => value && setDays(value)}
        required
      />
    </FormDialog>
  );
}
