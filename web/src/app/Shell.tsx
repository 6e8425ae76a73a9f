// Navigation around a page: a rail on wide windows, a bar of four and a drawer on phones.
import { ActionIcon, AppShell, Group, ScrollArea, UnstyledButton } from "@mantine/core";
import { useDisclosure, useMediaQuery } from "@mantine/hooks";
import { IconDots, IconLayoutSidebarLeftCollapse, IconLayoutSidebarLeftExpand, IconSearch } from "@tabler/icons-react";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { anyUpload } from "../upload/activity.ts";
import { Loading } from "../ui/Loading.tsx";
import { Offline } from "../ui/Offline.tsx";
import { Refused } from "../ui/Refused.tsx";
import { AccountMenu } from "./AccountMenu.tsx";
import { Logo } from "./Logo.tsx";
import { type Place, placesFor, refusedPlace } from "./navigation.ts";
import { useOpenPalette } from "./palette.ts";
import { Places, useIsHere } from "./Places.tsx";
import classes from "./Shell.module.css";
import { useSavePreference, useSession } from "./session.tsx";

const MoreDrawer = lazy(() => import("./MoreDrawer.tsx"));
const UploadIndicator = lazy(() => import("../upload/UploadIndicator.tsx").then((module) => ({ default: module.UploadIndicator })));

function Bar({ places, more }: { places: Place[]; more: () => void }) {
  const { t } = useTranslation();
  const isHere = useIsHere();
  return (
    <Group component="nav" aria-label={t("navigation")} justify="space-around" gap={0} wrap="nowrap" h="100%" px={4}>
      {places.slice(0, 4).map((place) => (
        <Link key={place.to} to={place.to} className={classes.tab} aria-current={isHere(place.to) ? "page" : undefined}>
          <place.icon size={22} stroke={1.6} aria-hidden />
          <span>{t(`nav.${place.name}`)}</span>
        </Link>
      ))}
      <UnstyledButton className={classes.tab} onClick={more}>
        <IconDots size={22} stroke={1.6} aria-hidden />
        <span>{t("more")}</span>
      </UnstyledButton>
    </Group>
  );
}

export function Shell() {
  const { t } = useTranslation();
  const session = useSession();
  const save = useSavePreference();
  const openPalette = useOpenPalette();
  const phone = useMediaQuery("(max-width: 48em)", window.matchMedia("(max-width: 48em)").matches);
  const compact = session.preferences.rail === "narrow";
  const [drawer, { open, close }] = useDisclosure();
  const places = placesFor(session);
  const uploads = anyUpload.use();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const refused = refusedPlace(session, path);
  useEffect(() => close(), [path, close]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={phone ? undefined : { width: compact ? 64 : 232, breakpoint: 0 }}
      footer={phone ? { height: 60 } : undefined}
      padding={0}
      transitionDuration={0}
    >
      <a className="skip" href="#main">
        {t("skip")}
      </a>
      <AppShell.Header className={classes.header}>
        <Group h="100%" px={{ base: "sm", sm: "md" }} justify="space-between" wrap="nowrap" gap="sm">
          <Link to="/" className={classes.brand} aria-label={t("brandHome")}>
            <Logo />
            {!phone && <span>Lenticular</span>}
          </Link>
          {session.role !== "patient" && (
            <UnstyledButton className={classes.search} onClick={openPalette} aria-keyshortcuts="Control+K /">
              <IconSearch size={16} aria-hidden />
              <span className={classes.searchText}>{t("palette.open")}</span>
              {!phone && <kbd aria-hidden>Ctrl K</kbd>}
            </UnstyledButton>
          )}
          <Suspense fallback={null}>{uploads && <UploadIndicator />}</Suspense>
          <AccountMenu />
        </Group>
      </AppShell.Header>
      {!phone && (
        <AppShell.Navbar className={classes.rail} component="nav" aria-label={t("navigation")}>
          <ScrollArea flex={1} type="auto" scrollbarSize={6} py="md" px="xs">
            <Places places={places} compact={compact} />
          </ScrollArea>
          <Group p="xs" justify={compact ? "center" : "flex-end"}>
            <ActionIcon
              size="lg"
              color="gray"
              aria-label={compact ? t("railWiden") : t("railNarrow")}
              onClick={() => void save("rail", compact ? "wide" : "narrow")}
            >
              {compact ? <IconLayoutSidebarLeftExpand size={20} aria-hidden /> : <IconLayoutSidebarLeftCollapse size={20} aria-hidden />}
            </ActionIcon>
          </Group>
        </AppShell.Navbar>
      )}
      <AppShell.Main id="main" tabIndex={-1} className={classes.main}>
        <Offline />
        <Suspense fallback={<Loading />}>
          {refused ? <Refused title={t(`nav.${refused.name}`)} /> : <Outlet />}
        </Suspense>
      </AppShell.Main>
      {phone && (
        <AppShell.Footer className={classes.bar}>
          <Bar places={places} more={open} />
        </AppShell.Footer>
      )}
      <Suspense fallback={null}>{drawer && <MoreDrawer places={places} close={close} />}</Suspense>
    </AppShell>
  );
}
