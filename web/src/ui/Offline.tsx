import { Alert } from "@mantine/core";
import { IconPlugConnectedX } from "@tabler/icons-react";
import { useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

export function useOnline(): boolean {
  return useSyncExternalStore(
    (listener) => {
      window.addEventListener("online", listener);
      window.addEventListener("offline", listener);
      return () => {
        window.removeEventListener("online", listener);
        window.removeEventListener("offline", listener);
      };
    },
    () => navigator.onLine,
  );
}

/** Says that the network is away, and that what is on screen may be old. */
export function Offline() {
  const { t } = useTranslation("ui");
  const online = useOnline();
  return (
    <div aria-live="polite">
      {!online && (
        <Alert color="yellow" variant="light" radius={0} icon={<IconPlugConnectedX aria-hidden />} title={t("offline.title")}>
          {t("offline.words")}
        </Alert>
      )}
    </div>
  );
}
