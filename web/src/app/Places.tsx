import { NavLink, Stack, Text } from "@mantine/core";
import { Link, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Place } from "./navigation.ts";
import classes from "./Shell.module.css";

const GROUPS = ["work", "exchange", "manage"] as const;

/** Whether a place is the one that is shown. */
export function useIsHere() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (to: string) => (to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`));
}

/** The places in their groups; `compact` shows the icons alone. */
export function Places({ places, compact, onGo }: { places: Place[]; compact: boolean; onGo?: () => void }) {
  const { t } = useTranslation();
  const isHere = useIsHere();
  return (
    <Stack gap="lg" component="ul" className={classes.places}>
      {GROUPS.filter((group) => places.some((place) => place.group === group)).map((group) => (
        <li key={group}>
          {!compact && (
            <Text size="xs" c="dimmed" px="sm" pb={4} fw={600}>
              {t(`groups.${group}`)}
            </Text>
          )}
          <ul className={classes.places}>
            {places
              .filter((place) => place.group === group)
              .map((place) => (
                <li key={place.to}>
                  <NavLink
                    component={Link}
                    to={place.to}
                    onClick={onGo}
                    active={isHere(place.to)}
                    aria-current={isHere(place.to) ? "page" : undefined}
                    aria-label={compact ? t(`nav.${place.name}`) : undefined}
                    title={compact ? t(`nav.${place.name}`) : undefined}
                    label={compact ? undefined : t(`nav.${place.name}`)}
                    leftSection={<place.icon size={20} stroke={1.6} aria-hidden />}
                    className={classes.place}
                  />
                </li>
              ))}
          </ul>
        </li>
      ))}
    </Stack>
  );
}
