import { notifications } from "@mantine/notifications";
import i18next from "i18next";

/** Says that something was done. */
export function done(message: string) {
  notifications.show({ message, color: "teal", autoClose: 5000, closeButtonProps: { "aria-label": i18next.t("ui:close") } });
}

/** Says that something could not be done; it stays until it is read. */
export function failed(title: string, message: string) {
  notifications.show({ title, message, color: "red", autoClose: false, closeButtonProps: { "aria-label": i18next.t("ui:close") } });
}
