import { ActionIcon, Button } from "@mantine/core";
import { IconShare3 } from "@tabler/icons-react";
import { type ComponentType, lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCan } from "../app/session.tsx";

interface DialogProps {
  opened: boolean;
  onClose: () => void;
  patient?: string;
  study?: string;
  title: string;
}

const dialogs = import.meta.glob<Record<string, ComponentType<DialogProps>>>("../sharing/ShareDialog.tsx");
const load = Object.values(dialogs)[0];
const ShareDialog = load
  ? lazy(async () => {
      const module = await load();
      const component = module.ShareDialog ?? module.default;
      if (!component) throw new Error("sharing offers a dialog");
      return { default: component };
    })
  : null;

/** Whether somebody can share from here. */
export function useCanShare(): boolean {
  return useCan("share") && ShareDialog !== null;
}

/** Opens the dialog that shares a patient or a study; nothing for those who may not. */
export function ShareButton({ patient, study, title, compact = false, tabIndex }: { patient?: string; study?: string; title: string; compact?: boolean; tabIndex?: number }) {
  const { t } = useTranslation("records");
  const [opened, setOpened] = useState(false);
  const may = useCanShare();
  if (!may || !ShareDialog) return null;
  const open = () => setOpened(true);
  return (
    <>
      {compact ? (
        <ActionIcon variant="subtle" size="md" tabIndex={tabIndex} onClick={open} aria-label={t("shareThe", { title: title.slice(0, 80) })} title={t("share")}>
          <IconShare3 size={18} aria-hidden />
        </ActionIcon>
      ) : (
        <Button variant="default" size="sm" leftSection={<IconShare3 size={16} aria-hidden />} onClick={open}>
          {t("share")}
        </Button>
      )}
      {opened && (
        <Suspense fallback={null}>
          <ShareDialog opened onClose={() => setOpened(false)} patient={patient} study={study} title={title} />
        </Suspense>
      )}
    </>
  );
}
