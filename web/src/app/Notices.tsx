import "@mantine/notifications/styles.layer.css";
import { Notifications } from "@mantine/notifications";

/** Where notices appear; fetched with the first of them. */
export default function Notices() {
  return <Notifications position="bottom-right" limit={4} />;
}
