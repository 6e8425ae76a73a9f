import { Kbd, SimpleGrid, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { placesFor } from "../app/navigation.ts";
import { useSession } from "../app/session.tsx";
import { Section } from "../system/Section.tsx";
import { Page } from "../ui/Page.tsx";
import classes from "./HelpPage.module.css";

/** Keys of the whole app; `+` joins, and each line has its alternatives. */
const EVERYWHERE: [string, string[]][] = [
  ["palette", ["Ctrl+K", "⌘+K", "/"]],
  ["next", ["Tab"]],
  ["previous", ["Shift+Tab"]],
  ["press", ["Enter", "Space"]],
  ["choose", ["↑", "↓"]],
  ["close", ["Esc"]],
  ["skip", ["Tab"]],
];

const VIEWER: [string, string[]][] = [["viewerKeys", ["?"]]];

const PLAIN = new Set(["Tab", "Shift", "Enter", "Space", "Esc", "Ctrl"]);

export function HelpPage() {
  const { t } = useTranslation("settings");
  const { t: words } = useTranslation("app");
  const session = useSession();
  const places = placesFor(session);
  return (
    <Page title={t("help.title")} lead={t("help.lead")} size="lg">
      <Section title={t("help.everywhere")} lead={t("help.everywhereLead")}>
        <Keys keys={EVERYWHERE} />
      </Section>
      {session.role !== "administrator" && (
        <Section title={t("help.viewer")} lead={t("help.viewerLead")}>
          <Keys keys={VIEWER} />
        </Section>
      )}
      <Section title={t("help.where")} lead={t("help.whereLead", { role: words(`roles.${session.role}`) })}>
        <SimpleGrid component="ul" cols={{ base: 1, sm: 2 }} spacing="sm" className={classes.places}>
          {places.map((place) => (
            <Place key={place.to} icon={<place.icon size={20} stroke={1.6} aria-hidden />} words={t(`help.places.${place.name}`)}>
              <Link to={place.to}>{words(`nav.${place.name}`)}</Link>
            </Place>
          ))}
        </SimpleGrid>
      </Section>
      <Section title={t("help.rules")}>
        <ul className={classes.rules}>
          {(["sharing", "audit", "zone", "signOut"] as const).map((rule) => (
            <li key={rule}>
              <Text size="sm">{t(`help.rule.${rule}`)}</Text>
            </li>
          ))}
        </ul>
        <Text size="sm" c="dimmed">
          {t("help.version", { version: session.version })}
        </Text>
      </Section>
    </Page>
  );
}

function Place({ icon, words, children }: { icon: ReactNode; words: string; children: ReactNode }) {
  return (
    <li className={`card ${classes.place}`}>
      {icon}
      <div>
        {children}
        <Text size="sm" c="dimmed">
          {words}
        </Text>
      </div>
    </li>
  );
}

function Keys({ keys }: { keys: [string, string[]][] }) {
  const { t } = useTranslation("settings");
  return (
    <dl className={`card ${classes.keys}`}>
      {keys.map(([does, chords]) => (
        <div key={does} className={classes.key}>
          <dt>
            {chords.map((chord, index) => (
              <span key={chord} className={classes.chord}>
                {index > 0 && <Text component="span" size="xs" c="dimmed">{t("help.or")}</Text>}
                {chord.split("+").map((key) => (
                  <Kbd key={key}>{PLAIN.has(key) ? t(`help.keys.${key}`) : key}</Kbd>
                ))}
              </span>
            ))}
          </dt>
          <dd>{t(`help.does.${does}`)}</dd>
        </div>
      ))}
    </dl>
  );
}
