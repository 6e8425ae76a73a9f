import { Drawer } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Place } from "./navigation.ts";
import { Places } from "./Places.tsx";

/** All places, on a phone. */
export default function MoreDrawer({ places, close }: { places: Place[]; close: () => void }) {
  const { t } = useTranslation();
  return (
    <Drawer opened onClose={close} position="bottom" size="auto" title={t("navigation")} closeButtonProps={{ "aria-label": t("close") }}>
      <nav aria-label={t("more")}>
        <Places places={places} compact={false} onGo={close} />
      </nav>
    </Drawer>
  );
}
