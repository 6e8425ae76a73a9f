// The places of the app, in the order of the rail, and who has use for each.
import {
  type Icon,
  IconActivityHeartbeat,
  IconAlertTriangle,
  IconBuildingHospital,
  IconDeviceDesktop,
  IconHome,
  IconKey,
  IconPhotoScan,
  IconShare3,
  IconShieldCheck,
  IconUpload,
  IconUsers,
  IconUsersGroup,
} from "@tabler/icons-react";
import type { Session } from "./session.tsx";

export interface Place {
  to: string;
  /** Key in `app:nav`. */
  name: string;
  icon: Icon;
  group: "work" | "exchange" | "manage";
  when: (session: Session) => boolean;
}

const works = (session: Session) => session.role !== "administrator" && session.role !== "guest";
const can = (action: Session["can"][number]) => (session: Session) => session.can.includes(action);

export const PLACES: Place[] = [
  { to: "/", name: "home", icon: IconHome, group: "work", when: (s) => s.role !== "guest" },
  { to: "/patients", name: "patients", icon: IconUsersGroup, group: "work", when: (s) => works(s) && s.role !== "patient" },
  { to: "/studies", name: "studies", icon: IconPhotoScan, group: "work", when: works },
  { to: "/upload", name: "upload", icon: IconUpload, group: "exchange", when: can("store") },
  { to: "/sharing", name: "sharing", icon: IconShare3, group: "exchange", when: can("share") },
  { to: "/tray", name: "tray", icon: IconAlertTriangle, group: "exchange", when: can("reconcile") },
  { to: "/admin/users", name: "users", icon: IconUsers, group: "manage", when: can("administer") },
  { to: "/admin/members", name: "members", icon: IconBuildingHospital, group: "manage", when: can("administer") },
  { to: "/admin/devices", name: "devices", icon: IconDeviceDesktop, group: "manage", when: can("administer") },
  { to: "/admin/tokens", name: "tokens", icon: IconKey, group: "manage", when: can("administer") },
  { to: "/audit", name: "audit", icon: IconShieldCheck, group: "manage", when: can("audit") },
  { to: "/system", name: "system", icon: IconActivityHeartbeat, group: "manage", when: can("administer") },
];

/** The place of administration at that path that the role may not use; elsewhere each page says itself what is not allowed. */
export const refusedPlace = (session: Session, path: string) =>
  PLACES.find((place) => place.group === "manage" && place.to === path.replace(/\/+$/, "") && !place.when(session));

export const placesFor = (session: Session) => PLACES.filter((place) => place.when(session));
