import { ActionIcon, Button, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconStarFilled, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { useDesk } from "../viewer/context.ts";
import { useChanging } from "../viewer/store.ts";
import classes from "../viewer/Viewer.module.css";
import { placeOf } from "./measure.ts";
import { useResultWords } from "./words.ts";

/** What was measured and marked, and whether it is kept. */
export function MeasurementPanel() {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const desk = useChanging(useDesk());
  const notebook = useChanging(desk.notebook);
  const words = useResultWords();
  const where = (place: { series: string; instance: string; frame: number }) => {
    const pane = [...desk.panes, ...Object.values(desk.cuts)].find(({ pictures }) => pictures[0] && pictures.some((picture) => placeOf(picture) === placeOf(place)));
    const index = pane?.pictures.findIndex((picture) => placeOf(picture) === placeOf(place));
    const cut = place.instance.split("#")[1];
    if (cut) return t("viewer.onCut", { plane: t(`viewer.planes.${cut}`), number: place.frame });
    return index !== undefined && index >= 0 ? t("viewer.onImage", { number: index + 1 }) : t("viewer.onOther");
  };
  return (
    <aside className={classes.panel} aria-label={t("viewer.panel")}>
      <section aria-label={t("viewer.measurements")}>
        <h2>{t("viewer.measurements")}</h2>
        {notebook.measurements.length === 0 && (
          <Text size="xs" c="dimmed">
            {t("viewer.noMeasurements")}
          </Text>
        )}
        <ul className={classes.list} style={{ gap: 2 }} data-testid="measurements">
          {notebook.measurements.map((one) => (
            <li key={one.id} className={classes.item} data-selected={desk.selected === one.id || undefined} data-measurement={one.id} data-kind={one.kind} data-instance={one.instance} data-frame={one.frame}>
              <UnstyledButton
                onClick={() => {
                  desk.jump(one);
                  desk.update({ selected: one.id });
                }}
              >
                <strong>{t(`viewer.kinds.${one.kind}`)}</strong> <span style={{ color: "var(--mantine-color-dimmed)" }}>{where(one)}</span>
                {words(one.result).map((said) => (
                  <data key={said.name} value={said.value} data-measure={said.name} data-value={said.value} data-unit={said.unit}>
                    {t(`viewer.quantities.${said.name}`, { value: said.text })}
                  </data>
                ))}
              </UnstyledButton>
              <ActionIcon color="gray" aria-label={t("viewer.removeOne", { kind: t(`viewer.kinds.${one.kind}`) })} onClick={() => notebook.remove(one.id)}>
                <IconTrash size={15} aria-hidden />
              </ActionIcon>
            </li>
          ))}
        </ul>
      </section>
      <section aria-label={t("viewer.keyImages")} style={{ marginTop: 14 }}>
        <h2>{t("viewer.keyImages")}</h2>
        {notebook.keys.length === 0 && (
          <Text size="xs" c="dimmed">
            {t("viewer.noKeyImages")}
          </Text>
        )}
        <ul className={classes.list} style={{ gap: 2 }} data-testid="key-images">
          {notebook.keys.map((key) => (
            <li key={placeOf(key)} className={classes.item} data-instance={key.instance} data-frame={key.frame}>
              <UnstyledButton onClick={() => desk.jump(key)}>
                <Group gap={6} wrap="nowrap">
                  <IconStarFilled size={13} aria-hidden /> {where(key)}
                </Group>
                <Text size="xs" c="dimmed">
                  {format.time(key.created)}
                </Text>
              </UnstyledButton>
              <ActionIcon color="gray" aria-label={t("viewer.removeKey")} onClick={() => notebook.toggleKey(key)}>
                <IconTrash size={15} aria-hidden />
              </ActionIcon>
            </li>
          ))}
        </ul>
      </section>
      <Stack gap={6} mt="md">
        <Text size="xs" c="dimmed" role="status" data-saving={notebook.saving}>
          {t(`viewer.saving.${notebook.owner ? notebook.saving : "guest"}`)}
        </Text>
        {notebook.canUndo && (
          <Button size="xs" variant="default" onClick={() => notebook.undo()}>
            {t("viewer.undo")}
          </Button>
        )}
      </Stack>
    </aside>
  );
}
