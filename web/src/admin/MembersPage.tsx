import { Badge, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { IconBuildingHospital, IconPlus } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { LANGUAGE_NAMES, LANGUAGES } from "../app/i18n.ts";
import { sessionQuery, useSession } from "../app/session.tsx";
import { browserZone, ZoneSelect } from "../setup/zones.tsx";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { done } from "../ui/notify.ts";
import { Page } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { addMember, changeMember, fitsLogin, fitsMemberId, idOf } from "./api.ts";
import { FormDialog, Secret } from "./Dialogs.tsx";
import { Rows } from "./Rows.tsx";
import { type Member, membersQuery } from "../api/members.ts";

type Open = { kind: "add" } | { kind: "edit"; member: Member } | { kind: "secret"; id: string; login: string; password: string } | null;

export function MembersPage() {
  const { t } = useTranslation(["admin", "setup"]);
  const session = useSession();
  const format = useFormat();
  const client = useQueryClient();
  const { data: members, error, isPending, refetch } = useQuery({ ...membersQuery, staleTime: 5_000 });
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const changed = () => {
    void client.invalidateQueries({ queryKey: membersQuery.queryKey });
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
  };
  const mayEdit = (member: Member) => session.operator || member.id === session.member.id;
  const sorted = [...(members ?? [])].sort((a, b) => Number(b.own) - Number(a.own) || format.collator.compare(a.name, b.name));
  return (
    <Page
      title={t("members.title")}
      lead={t("members.lead")}
      actions={
        session.operator && (
          <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setOpen({ kind: "add" })}>
            {t("members.add")}
          </Button>
        )
      }
    >
      {!session.operator && (
        <Text size="sm" c="dimmed">
          {t("members.operatorOnly")}
        </Text>
      )}
      {isPending ? (
        <Loading />
      ) : error ? (
        <ProblemView error={error} retry={() => void refetch()} />
      ) : sorted.length === 0 ? (
        <Empty icon={IconBuildingHospital} title={t("members.none")} />
      ) : (
        <Rows
          label={t("members.title")}
          rows={sorted}
          rowKey={(member) => member.id}
          columns={[
            {
              key: "name",
              head: t("members.name"),
              cell: (member) => (
                <Group gap="xs">
                  <Text size="sm" fw={600}>
                    <Bidi>{member.name}</Bidi>
                  </Text>
                  {member.own && <Badge variant="default">{t("members.own")}</Badge>}
                </Group>
              ),
            },
            { key: "id", head: t("members.id"), cell: (member) => <span translate="no">{member.id}</span> },
            { key: "zone", head: t("members.zone"), cell: (member) => member.timezone?.replaceAll("_", " ") ?? "—" },
            { key: "language", head: t("members.language"), cell: (member) => LANGUAGES.filter((known) => known === member.locale).map((known) => LANGUAGE_NAMES[known])[0] ?? "—" },
          ]}
          actions={{
            head: t("actions"),
            cell: (member) =>
              mayEdit(member) && (
                <Button size="xs" variant="default" aria-label={t("members.editThe", { name: member.name })} onClick={() => setOpen({ kind: "edit", member })}>
                  {t("members.edit")}
                </Button>
              ),
          }}
        />
      )}
      {open?.kind === "edit" && (
        <EditMember
          member={open.member}
          close={close}
          onDone={() => {
            changed();
            close();
            done(t("members.saved"));
          }}
        />
      )}
      {open?.kind === "add" && (
        <AddMember
          close={close}
          onDone={(id, login, password) => {
            changed();
            if (password) setOpen({ kind: "secret", id, login, password });
            else {
              close();
              done(t("members.added", { id }));
            }
          }}
        />
      )}
      {open?.kind === "secret" && (
        <Secret
          title={t("members.secretTitle", { id: open.id })}
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

function LanguageSelect({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation("admin");
  return (
    <Select
      label={t("members.language")}
      data={LANGUAGES.map((language) => ({ value: language, label: LANGUAGE_NAMES[language] }))}
      value={value}
      onChange={(chosen) => chosen && onChange(chosen)}
    />
  );
}

function EditMember({ member, close, onDone }: { member: Member; close: () => void; onDone: () => void }) {
  const { t, i18n } = useTranslation("admin");
  const [name, setName] = useState(member.name);
  const [timezone, setTimezone] = useState(member.timezone || browserZone());
  const [locale, setLocale] = useState(member.locale || i18n.language);
  return (
    <FormDialog
      title={t("members.editThe", { name: member.name })}
      submit={t("save")}
      valid={name.trim() !== ""}
      send={() => changeMember(member.id, { name: name.trim(), timezone, locale })}
      onDone={onDone}
      close={close}
    >
      <TextInput label={t("members.name")} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={200} required data-autofocus dir="auto" />
      <ZoneSelect value={timezone} onChange={setTimezone} />
      <LanguageSelect value={locale} onChange={setLocale} />
    </FormDialog>
  );
}

function AddMember({ close, onDone }: { close: () => void; onDone: (id: string, login: string, password: string | null | undefined) => void }) {
  const { t, i18n } = useTranslation("admin");
  const [name, setName] = useState("");
  const [id, setId] = useState("");
  const [ownId, setOwnId] = useState(false);
  const [timezone, setTimezone] = useState(browserZone());
  const [locale, setLocale] = useState<string>(i18n.language);
  const [person, setPerson] = useState("");
  const [login, setLogin] = useState("");
  return (
    <FormDialog
      title={t("members.add")}
      submit={t("members.addSubmit")}
      valid={name.trim() !== "" && fitsMemberId(id) && person.trim() !== "" && fitsLogin(login)}
      send={() => addMember({ id, name: name.trim(), timezone, locale, administrator: { login, name: person.trim() } })}
      onDone={(answer) => onDone(answer.id, login, answer.password)}
      close={close}
    >
      <TextInput
        label={t("members.name")}
        value={name}
        onChange={(event) => {
          setName(event.currentTarget.value);
          if (!ownId) setId(idOf(event.currentTarget.value));
        }}
        maxLength={200}
        required
        data-autofocus
        dir="auto"
      />
      <TextInput
        label={t("members.id")}
        description={t("members.idHint")}
        error={id !== "" && !fitsMemberId(id) ? t("members.idWrong") : undefined}
        value={id}
        onChange={(event) => {
          setId(event.currentTarget.value.trim().toLowerCase());
          setOwnId(event.currentTarget.value !== "");
        }}
        maxLength={63}
        required
        spellCheck={false}
        autoCapitalize="none"
      />
      <ZoneSelect value={timezone} onChange={setTimezone} />
      <LanguageSelect value={locale} onChange={setLocale} />
      <TextInput label={t("members.person")} value={person} onChange={(event) => setPerson(event.currentTarget.value)} maxLength={200} required autoComplete="off" dir="auto" />
      <TextInput
        label={t("members.login")}
        description={t("users.loginHint")}
        error={login !== "" && !fitsLogin(login) ? t("users.loginWrong") : undefined}
        value={login}
        onChange={(event) => setLogin(event.currentTarget.value.trim().toLowerCase())}
        maxLength={64}
        required
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <Text size="sm" c="dimmed">
        {t("members.addWords")}
      </Text>
    </FormDialog>
  );
}
