import { Radio, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Role } from "../app/session.tsx";
import { addUser, changeUser, fitsLogin, type User, USER_ROLES } from "./api.ts";
import { FormDialog } from "./Dialogs.tsx";

/** Each role with what it may do, in words. */
export function RoleChoice({ value, onChange, roles, disabled }: { value: Role; onChange: (role: Role) => void; roles: readonly Role[]; disabled?: (role: Role) => boolean }) {
  const { t } = useTranslation("admin");
  const { t: words } = useTranslation("app");
  return (
    <Radio.Group label={t("users.role")} value={value} onChange={(chosen) => onChange(roles.find((role) => role === chosen) ?? value)}>
      <Stack gap="xs" mt="xs">
        {roles.map((role) => (
          <Radio key={role} value={role} label={words(`roles.${role}`)} description={t(`roles.${role}`)} disabled={disabled?.(role)} />
        ))}
      </Stack>
    </Radio.Group>
  );
}

export function AddUser({ close, onDone }: { close: () => void; onDone: (answer: { login: string; password?: string | null }) => void }) {
  const { t } = useTranslation("admin");
  const [name, setName] = useState("");
  const [login, setLogin] = useState("");
  const [role, setRole] = useState<Role>("clinician");
  const [patient, setPatient] = useState("");
  const wrongLogin = login !== "" && !fitsLogin(login);
  const wrongPatient = patient !== "" && !/^[A-Za-z0-9.-]{1,64}$/.test(patient);
  const valid = name.trim() !== "" && fitsLogin(login) && (role !== "patient" || (patient !== "" && !wrongPatient));
  return (
    <FormDialog
      title={t("users.add")}
      submit={t("users.addSubmit")}
      valid={valid}
      send={() => addUser({ login, name: name.trim(), role, ...(role === "patient" ? { patient } : {}) })}
      onDone={onDone}
      close={close}
    >
      <TextInput label={t("users.name")} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={200} required data-autofocus autoComplete="off" dir="auto" />
      <TextInput
        label={t("users.login")}
        description={t("users.loginHint")}
        error={wrongLogin ? t("users.loginWrong") : undefined}
        value={login}
        onChange={(event) => setLogin(event.currentTarget.value.trim().toLowerCase())}
        maxLength={64}
        required
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <RoleChoice value={role} onChange={setRole} roles={USER_ROLES} />
      {role === "patient" && (
        <TextInput
          label={t("users.patient")}
          description={t("users.patientHint")}
          error={wrongPatient ? t("users.patientWrong") : undefined}
          value={patient}
          onChange={(event) => setPatient(event.currentTarget.value.trim().replace(/^Patient\//, ""))}
          required
          autoComplete="off"
          spellCheck={false}
        />
      )}
      <Text size="sm" c="dimmed">
        {t("users.addWords")}
      </Text>
    </FormDialog>
  );
}

export function EditUser({ user, lastAdministrator, close, onDone }: { user: User; lastAdministrator: boolean; close: () => void; onDone: () => void }) {
  const { t } = useTranslation("admin");
  const [name, setName] = useState(user.name);
  const [role, setRole] = useState<Role>(user.role);
  // who is a patient stays one: which patient is said when they are added
  const roles = user.role === "patient" ? (["patient"] as const) : USER_ROLES.filter((other) => other !== "patient");
  return (
    <FormDialog
      title={t("users.editTitle", { login: user.login })}
      submit={t("save")}
      valid={name.trim() !== ""}
      send={() => changeUser(user.login, { ...(name.trim() === user.name ? {} : { name: name.trim() }), ...(role === user.role ? {} : { role }) })}
      onDone={onDone}
      close={close}
    >
      <TextInput label={t("users.name")} value={name} onChange={(event) => setName(event.currentTarget.value)} maxLength={200} required data-autofocus dir="auto" />
      <RoleChoice value={role} onChange={setRole} roles={roles} disabled={(other) => lastAdministrator && other !== "administrator"} />
      {lastAdministrator && <Text size="sm">{t("users.last")}</Text>}
    </FormDialog>
  );
}
