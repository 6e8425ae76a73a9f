import "@mantine/notifications/styles.layer.css";
import { Notifications } from "@mantine/notifications";

/** Where notices appear; fetched behind the first page. */
export default function Notices() {
  return <Notifications position="bottom-right" limit={4} />;
}
