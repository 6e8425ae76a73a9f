import { Button, Select, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ACTIONS, type AuditSearch, OUTCOMES } from "./api.ts";
import classes from "./AuditPage.module.css";
import { KINDS } from "./event.ts";

interface Props {
  search: AuditSearch;
  change: (changes: Partial<AuditSearch>) => void;
  clear: () => void;
  noPatients: boolean;
}

/** Text that is sent when it is finished: each search of the log is an entry in it. */
function Finished({ label, value, onChange, description, placeholder }: { label: string; value: string; onChange: (value: string | undefined) => void; description?: string; placeholder?: string }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const send = () => text.trim() !== value && onChange(text.trim() || undefined);
  return (
    <TextInput
      label={label}
      description={description}
      placeholder={placeholder}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={send}
      onKeyDown={(event) => event.key === "Enter" && !event.nativeEvent.isComposing && send()}
      autoComplete="off"
      spellCheck={false}
      maxLength={256}
    />
  );
}

export function AuditFilters({ search, change, clear, noPatients }: Props) {
  const { t } = useTranslation("audit");
  const kinds = KINDS.map((kind) => ({ value: kind as string, label: t(`kinds.${kind}.name`) }));
  if (search.kind && !kinds.some((kind) => kind.value === search.kind)) kinds.push({ value: search.kind, label: search.kind });
  return (
    <search className={classes.filters} aria-label={t("filters")}>
      <Finished label={t("filter.user")} value={search.user ?? ""} onChange={(user) => change({ user })} />
      {!noPatients && <Finished label={t("filter.patient")} value={search.patient ?? ""} onChange={(patient) => change({ patient: patient?.replace(/^Patient\//, "") })} />}
      <Select
        label={t("filter.action")}
        placeholder={t("filter.all")}
        data={ACTIONS.map((action) => ({ value: action as string, label: t(`actions.${action}`) }))}
        value={search.action ?? null}
        onChange={(value) => change({ action: ACTIONS.find((action) => action === value) })}
        clearable
        allowDeselect
        clearButtonProps={{ "aria-label": t("filter.clear", { label: t("filter.action") }) }}
      />
      <Select
        label={t("filter.kind")}
        placeholder={t("filter.all")}
        data={kinds}
        value={search.kind ?? null}
        onChange={(value) => change({ kind: value ?? undefined, ...(value ? {} : { id: undefined }) })}
        clearable
        allowDeselect
        searchable
        clearButtonProps={{ "aria-label": t("filter.clear", { label: t("filter.kind") }) }}
      />
      {search.kind && !noPatients && <Finished label={t("filter.id")} value={search.id ?? ""} onChange={(id) => change({ id })} />}
      <Select
        label={t("filter.outcome")}
        placeholder={t("filter.all")}
        data={OUTCOMES.map((outcome) => ({ value: outcome as string, label: t(`outcomes.${outcome}`) }))}
        value={search.outcome ?? null}
        onChange={(value) => change({ outcome: OUTCOMES.find((outcome) => outcome === value) })}
        clearable
        allowDeselect
        clearButtonProps={{ "aria-label": t("filter.clear", { label: t("filter.outcome") }) }}
      />
      <TextInput type="date" label={t("filter.from")} value={search.from ?? ""} max={search.to} onChange={(event) => change({ from: event.currentTarget.value || undefined })} />
      <TextInput type="date" label={t("filter.to")} value={search.to ?? ""} min={search.from} onChange={(event) => change({ to: event.currentTarget.value || undefined })} />
      <Button variant="default" onClick={clear} disabled={Object.keys(search).length === 0}>
        {t("clear")}
      </Button>
    </search>
  );
}
