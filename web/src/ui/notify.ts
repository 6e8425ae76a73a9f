import i18next from "i18next";
import { makeFlag } from "./flag.ts";

/** Raised by the first notice: from then on there is a place for them. */
export const anyNotice = makeFlag();

// The library comes when there is something to say.
async function show(notice: { title?: string; message: string; color: string; autoClose: number | false }) {
  anyNotice.raise();
  const { notifications } = await import("@mantine/notifications");
  notifications.show({ ...notice, closeButtonProps: { "aria-label": i18next.t("ui:close") } });
}

/** Says that something was done. */
export function done(message: string) {
  void show({ message, color: "teal", autoClose: 5000 });
}

/** Says that something could not be done; it stays until it is read. */
export function failed(title: string, message: string) {
  void show({ title, message, color: "red", autoClose: false });
}
