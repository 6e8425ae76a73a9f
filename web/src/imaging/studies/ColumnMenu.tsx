import { ActionIcon, Button, Checkbox, Group, Popover, Stack, Text } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconColumns3 } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

export const COLUMNS = ["patientName", "date", "modality", "description", "patientId", "birthDate", "sex", "accession", "series", "instances", "referrer", "institution", "owner"] as const;
export type ColumnKey = (typeof COLUMNS)[number];
export const USUAL: ColumnKey[] = ["patientName", "date", "modality", "description", "patientId", "birthDate", "instances", "owner", "accession"];

/** The columns that somebody chose, in their order; the usual ones where none were kept. */
export function chosenColumns(kept: unknown): ColumnKey[] {
  if (!kept || typeof kept !== "object" || !Array.isArray((kept as { columns?: unknown }).columns)) return USUAL;
  const known = (kept as { columns: unknown[] }).columns.filter((key): key is ColumnKey => COLUMNS.some((column) => column === key));
  return known.length ? [...new Set(known)] : USUAL;
}

export function ColumnMenu({ chosen, choose, fit }: { chosen: ColumnKey[]; choose: (columns: ColumnKey[]) => void; fit: number }) {
  const { t } = useTranslation("imaging");
  const others = COLUMNS.filter((column) => !chosen.includes(column));
  const move = (key: ColumnKey, by: number) => {
    const at = chosen.indexOf(key);
    const next = [...chosen];
    next.splice(at, 1);
    next.splice(at + by, 0, key);
    choose(next);
  };
  return (
    <Popover position="bottom-end" width={300} shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconColumns3 size={16} aria-hidden />}>
          {t("studies.columns")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("studies.columns")}>
        <Stack gap={4}>
          {[...chosen, ...others].map((key) => {
            const at = chosen.indexOf(key);
            const label = t(`studies.column.${key}`);
            return (
              <Group key={key} justify="space-between" wrap="nowrap" gap={4}>
                <Checkbox
                  label={label}
                  checked={at >= 0}
                  disabled={at >= 0 && chosen.length === 1}
                  onChange={(event) => choose(event.currentTarget.checked ? [...chosen, key] : chosen.filter((one) => one !== key))}
                />
                {at >= 0 && (
                  <Group gap={0} wrap="nowrap">
                    <ActionIcon size="md" disabled={at === 0} onClick={() => move(key, -1)} aria-label={t("studies.moveUp", { label })}>
                      <IconArrowUp size={16} aria-hidden />
                    </ActionIcon>
                    <ActionIcon size="md" disabled={at === chosen.length - 1} onClick={() => move(key, 1)} aria-label={t("studies.moveDown", { label })}>
                      <IconArrowDown size={16} aria-hidden />
                    </ActionIcon>
                  </Group>
                )}
              </Group>
            );
          })}
          {fit < chosen.length && (
            <Text size="xs" c="dimmed" pt={4}>
              {t("studies.doNotFit", { count: chosen.length - fit })}
            </Text>
          )}
          <Button size="xs" variant="subtle" onClick={() => choose(USUAL)}>
            {t("studies.usualColumns")}
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
