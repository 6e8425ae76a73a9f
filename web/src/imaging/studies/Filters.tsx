import { Button, Group, Select, SimpleGrid, TextInput, type TextInputProps } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconAdjustments, IconFilterOff, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useDraft } from "../../ui/useDraft.ts";
import { isFiltered, type StudiesSearch } from "./search.ts";

export const MODALITIES = ["CT", "MR", "CR", "DX", "US", "MG", "NM", "PT", "XA", "RF", "ES", "OPT", "SC", "SR", "OT"] as const;

type Change = (change: Partial<StudiesSearch>) => void;

function Field({ value, commit, ...rest }: { value: string | undefined; commit: (value: string | undefined) => void } & TextInputProps) {
  const draft = useDraft(value ?? "", (next) => commit(next.trim() ? next : undefined));
  return <TextInput {...rest} {...draft} dir="auto" autoComplete="off" spellCheck={false} maxLength={200} />;
}

function isoDay(daysAgo: number): string {
  const at = new Date();
  at.setDate(at.getDate() - daysAgo);
  return [at.getFullYear(), String(at.getMonth() + 1).padStart(2, "0"), String(at.getDate()).padStart(2, "0")].join("-");
}

export function Filters({ search, change, clear }: { search: StudiesSearch; change: Change; clear: () => void }) {
  const { t } = useTranslation("imaging");
  const known = MODALITIES.find((one) => one === search.modality) || !search.modality;
  const data = [
    { value: "", label: t("studies.anyModality") },
    ...MODALITIES.map((code) => ({ value: code as string, label: `${code} · ${t(`studies.modality.${code}`)}` })),
    ...(known ? [] : [{ value: search.modality ?? "", label: search.modality ?? "" }]),
  ];
  // on a phone the name is what is looked for; the rest is a touch away, and open where it is in use
  const phone = useMediaQuery("(max-width: 36em)", window.matchMedia("(max-width: 36em)").matches);
  const [more, setMore] = useState(isFiltered({ ...search, name: undefined }));
  const since = [
    ["today", isoDay(0)],
    ["week", isoDay(6)],
    ["month", isoDay(29)],
  ] as const;
  return (
    <form role="search" aria-label={t("studies.search")} onSubmit={(event) => event.preventDefault()}>
      <SimpleGrid cols={{ base: 1, xs: 2, md: 4 }} spacing="sm" verticalSpacing="xs">
        <Field
          label={t("studies.patient")}
          placeholder={t("studies.patientHint")}
          leftSection={<IconSearch size={16} aria-hidden />}
          value={search.name}
          commit={(name) => change({ name })}
        />
        {phone && (
          <Button variant="default" leftSection={<IconAdjustments size={16} aria-hidden />} aria-expanded={more} onClick={() => setMore(!more)}>
            {t("studies.more")}
          </Button>
        )}
        {(!phone || more) && (
          <>
            <Field label={t("studies.mrn")} value={search.mrn} commit={(mrn) => change({ mrn })} />
            <Field label={t("studies.accession")} value={search.accession} commit={(accession) => change({ accession })} />
            <Field label={t("studies.description")} value={search.description} commit={(description) => change({ description })} />
            <Select label={t("studies.modalityLabel")} data={data} value={search.modality ?? ""} onChange={(value) => change({ modality: value || undefined })} comboboxProps={{ withinPortal: true }} />
            <TextInput type="date" label={t("studies.from")} value={search.from ?? ""} max={search.to} onChange={(event) => change({ from: event.currentTarget.value || undefined })} />
            <TextInput type="date" label={t("studies.to")} value={search.to ?? ""} min={search.from} onChange={(event) => change({ to: event.currentTarget.value || undefined })} />
            <Group gap={6} align="flex-end" role="group" aria-label={t("studies.since")}>
              {since.map(([name, from]) => (
                <Button
                  key={name}
                  size="xs"
                  h={36}
                  variant={search.from === from && !search.to ? "light" : "default"}
                  aria-pressed={search.from === from && !search.to}
                  onClick={() => change(search.from === from && !search.to ? { from: undefined } : { from, to: undefined })}
                >
                  {t(`studies.${name}`)}
                </Button>
              ))}
              {isFiltered(search) && (
                <Button size="xs" h={36} variant="subtle" leftSection={<IconFilterOff size={14} aria-hidden />} onClick={clear}>
                  {t("studies.clear")}
                </Button>
              )}
            </Group>
          </>
        )}
      </SimpleGrid>
    </form>
  );
}
