import { Button, FileButton, Group, Stack, Text, ThemeIcon } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconFiles, IconFolder, IconUpload } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { addEntries, addFiles } from "./engine.ts";
import { entriesOf, picked } from "./files.ts";
import classes from "./upload.module.css";

const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;

/** Files may be dropped anywhere in the window while the page is open. */
function useDrop(): boolean {
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  useEffect(() => {
    const enter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth.current += 1;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth.current = Math.max(0, depth.current - 1);
      if (depth.current === 0) setOver(false);
    };
    const above = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = "copy";
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || !event.dataTransfer) return;
      event.preventDefault();
      depth.current = 0;
      setOver(false);
      const { entries, loose } = entriesOf(event.dataTransfer);
      void addEntries(entries, loose);
    };
    const listeners = { dragenter: enter, dragleave: leave, dragover: above, drop } as const;
    for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener as EventListener);
    };
  }, []);
  return over;
}

export function DropZone({ small }: { small: boolean }) {
  const { t } = useTranslation("upload");
  const over = useDrop();
  const coarse = useMediaQuery("(pointer: coarse)", window.matchMedia("(pointer: coarse)").matches);
  const folder = useRef<HTMLInputElement>(null);
  const resetFiles = useRef<() => void>(null);
  return (
    <section aria-label={t("choose")} className={classes.zone} data-over={over || undefined} data-small={small || undefined}>
      <Stack align="center" gap="xs">
        {!small && (
          <ThemeIcon size={52} radius="xl" variant="light" aria-hidden>
            <IconUpload size={26} stroke={1.6} />
          </ThemeIcon>
        )}
        <Text fw={600} ta="center">
          {over ? t("dropNow") : coarse ? t("chooseWords") : t("dropWords")}
        </Text>
        {!small && (
          <Text size="sm" c="dimmed" ta="center" maw="56ch">
            {t("kinds")}
          </Text>
        )}
        <Group gap="xs" justify="center" mt={4}>
          <FileButton
            multiple
            resetRef={resetFiles}
            onChange={(files) => {
              void addFiles(picked(files));
              resetFiles.current?.();
            }}
            inputProps={{ "aria-label": t("pickFiles") }}
          >
            {(props) => (
              <Button {...props} leftSection={<IconFiles size={16} aria-hidden />}>
                {t("pickFiles")}
              </Button>
            )}
          </FileButton>
          {!coarse && (
            <>
              <Button variant="default" leftSection={<IconFolder size={16} aria-hidden />} onClick={() => folder.current?.click()}>
                {t("pickFolder")}
              </Button>
              <input
                ref={folder}
                type="file"
                hidden
                aria-label={t("pickFolder")}
                webkitdirectory=""
                onChange={(event) => {
                  void addFiles(picked(event.currentTarget.files ?? []));
                  event.currentTarget.value = "";
                }}
              />
            </>
          )}
        </Group>
      </Stack>
    </section>
  );
}
