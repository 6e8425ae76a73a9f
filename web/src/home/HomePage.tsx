// What needs me now, by role.
import { Button, SimpleGrid, Skeleton } from "@mantine/core";
import { useIsFetching } from "@tanstack/react-query";
import { IconSearch, IconUpload } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useOpenPalette } from "../app/palette.ts";
import { type Session, useSession } from "../app/session.tsx";
import { Page } from "../ui/Page.tsx";
import { Conflicts, Devices, Health, MyRecord, NewestReports, NewestStudies, NewPatients, OpenedBefore, SharedWithUs, Users } from "./blocks.tsx";

/** The blocks of a role, the most pressing first; what a role may not ask for is no block of it. */
export function blocksOf(session: Session): [name: string, block: ReactNode][] {
  const can = (action: Session["can"][number]) => session.can.includes(action);
  const blocks: Record<string, [boolean, ReactNode]> = {
    conflicts: [can("reconcile"), <Conflicts />],
    incoming: [can("share"), <SharedWithUs />],
    studies: [can("search"), <NewestStudies own={session.role === "patient"} />],
    reports: [can("search"), <NewestReports own={session.role === "patient"} />],
    opened: [can("search"), <OpenedBefore />],
    newPatients: [can("write"), <NewPatients />],
    health: [can("administer"), <Health />],
    devices: [can("administer"), <Devices />],
    users: [can("administer"), <Users />],
    mine: [session.patient !== undefined, session.patient && <MyRecord patient={session.patient} />],
  };
  const order: Record<Session["role"], string[]> = {
    radiologist: ["incoming", "studies", "opened", "conflicts"],
    clinician: ["incoming", "opened", "studies", "reports"],
    registrar: ["conflicts", "newPatients", "incoming", "opened"],
    administrator: ["health", "devices", "users"],
    patient: ["mine", "studies", "reports"],
    guest: ["studies"],
    device: [],
  };
  return order[session.role].flatMap((name) => {
    const [may, block] = blocks[name] ?? [false, null];
    return may ? [[name, block] as [string, ReactNode]] : [];
  });
}

/** The slowest block holds the others up no longer than this, in milliseconds. */
const PATIENCE = 1500;

/** Whether the blocks have been answered once: shown together, none pushes another about. */
function useAnswered(): boolean {
  const waiting = useIsFetching({ predicate: (query) => query.queryKey[0] === "home" && query.state.data === undefined });
  const [answered, setAnswered] = useState(false);
  const asked = useRef(false);
  useEffect(() => {
    if (waiting > 0) asked.current = true;
    else if (asked.current) setAnswered(true);
  }, [waiting]);
  useEffect(() => {
    // everything was known already
    const known = setTimeout(() => asked.current || setAnswered(true), 0);
    const late = setTimeout(() => setAnswered(true), PATIENCE);
    return () => {
      clearTimeout(known);
      clearTimeout(late);
    };
  }, []);
  return answered;
}

export function HomePage() {
  const { t } = useTranslation("home");
  const answered = useAnswered();
  const session = useSession();
  const openPalette = useOpenPalette();
  const finds = session.can.includes("search") && session.role !== "patient" && session.role !== "guest" && session.role !== "administrator";
  return (
    <Page
      title={session.user ? t("welcome", { name: session.user.name.slice(0, 80) }) : t("title")}
      lead={t(`lead.${session.role}`)}
      actions={
        <>
          {finds && (
            <Button variant="default" leftSection={<IconSearch size={16} aria-hidden />} onClick={openPalette}>
              {t("find")}
            </Button>
          )}
          {session.can.includes("store") && (
            <Button component={Link} to="/upload" leftSection={<IconUpload size={16} aria-hidden />}>
              {t("upload")}
            </Button>
          )}
        </>
      }
    >
      {!answered && <Waiting />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" style={answered ? undefined : { display: "none" }}>
        {blocksOf(session).map(([name, block]) => (
          <div key={name} style={{ minWidth: 0 }}>
            {block}
          </div>
        ))}
      </SimpleGrid>
    </Page>
  );
}

function Waiting() {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md" aria-hidden>
      {[0, 1, 2, 3].map((block) => (
        <Skeleton key={block} height={180} />
      ))}
    </SimpleGrid>
  );
}
