import { Button, Container, Group, Stack, Text, Title } from "@mantine/core";
import { IconFileText, IconLinkOff, IconPhotoScan } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { keepLinkToken, linkToken, Problem } from "../api/http.ts";
import { makeFormat } from "../app/format.ts";
import { Logo } from "../app/Logo.tsx";
import { spoken } from "../ui/spoken.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { Empty } from "../ui/Empty.tsx";
import { Loading } from "../ui/Loading.tsx";
import { useTitle } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { hasRecords, linkedPatients, linkedStudies } from "./api.ts";
import classes from "./sharing.module.css";

const TOKEN = /^[A-Za-z0-9._~-]{1,200}$/;

/** The token leaves the address bar, and the history with it, before anything else happens. */
function takeToken(): string | null {
  const fragment = decodeURIComponent(location.hash.slice(1));
  if (fragment === "") return linkToken();
  history.replaceState(history.state, "", location.pathname);
  const token = TOKEN.test(fragment) ? fragment : null;
  keepLinkToken(token);
  return token;
}

function safely(take: () => string | null): string | null {
  try {
    return take();
  } catch {
    history.replaceState(history.state, "", location.pathname);
    return null;
  }
}

/** Studies, and patients where the link is of a patient's records; a link that is over answers 401. */
async function lookUp(token: string) {
  const or = <T,>(instead: T) => (error: unknown): T => {
    if (error instanceof Problem && error.status === 403) return instead;
    throw error;
  };
  const studies = await linkedStudies(token);
  const [patients, records] = await Promise.all([linkedPatients(token).catch(or([])), hasRecords(token).catch(or(false))]);
  return { studies, patients, records };
}

export function LinkPage() {
  const { t, i18n } = useTranslation("sharing");
  useTitle(t("link.title"));
  const [token, setToken] = useState(() => safely(takeToken));
  const client = useQueryClient();
  const navigate = useNavigate();
  const format = useMemo(() => makeFormat(i18n.language, "UTC"), [i18n.language]);
  const found = useQuery({
    queryKey: ["link", token],
    queryFn: () => lookUp(token ?? ""),
    enabled: token !== null,
    retry: (count, error) => count < 2 && error instanceof Problem && error.retry,
  });
  // another link pasted into the same tab changes the fragment alone
  useEffect(() => {
    const again = () => {
      if (location.hash.length > 1) setToken(safely(takeToken));
    };
    window.addEventListener("hashchange", again);
    return () => window.removeEventListener("hashchange", again);
  }, []);
  // whoever was signed in in this tab is the link's guest now
  useEffect(() => client.removeQueries({ queryKey: ["session"] }), [token, client]);
  const over = token === null || (found.error instanceof Problem && [401, 403, 404, 410].includes(found.error.status));
  useEffect(() => {
    if (over) keepLinkToken(null);
  }, [over]);
  const single = found.data && !found.data.records && found.data.studies.length === 1 ? found.data.studies[0] : undefined;
  useEffect(() => {
    if (single) void navigate({ to: "/studies/$study", params: { study: single.study }, replace: true });
  }, [single, navigate]);

  if (!over && (found.isPending || single))
    return (
      <main>
        <Loading rows={3} />
      </main>
    );
  const studies = [...(found.data?.studies ?? [])].sort((a, b) => b.date.localeCompare(a.date));
  const patients = found.data?.patients ?? [];
  const name = patients[0]?.name || spoken(studies[0]?.patientName ?? "");
  const nothing = found.data && studies.length === 0 && patients.length === 0;
  return (
    <Container size="sm" py="lg" component="main">
      <Stack gap="lg">
        <Group gap="sm" aria-hidden>
          <Logo />
          <Text fw={650}>Lenticular</Text>
        </Group>
        {over || nothing ? (
          <>
            <h1 className="visually-hidden" tabIndex={-1}>
              {t("link.title")}
            </h1>
            <Empty icon={IconLinkOff} title={t(nothing ? "link.nothing" : "link.over")}>
              {t(nothing ? "link.nothingWords" : "link.overWords")}
            </Empty>
          </>
        ) : found.error ? (
          <>
            <h1 className="visually-hidden" tabIndex={-1}>
              {t("link.title")}
            </h1>
            <ProblemView error={found.error} retry={() => void found.refetch()} />
          </>
        ) : (
          <>
            <div>
              <Title order={1} size="h2" tabIndex={-1}>
                <Bidi lines={3}>{name || t("noName")}</Bidi>
              </Title>
              <Text c="dimmed" size="sm" mt={4}>
                {t("link.lead")}
              </Text>
            </div>
            {found.data?.records && patients.map((patient) => (
              <Button
                key={patient.id}
                variant="default"
                justify="flex-start"
                leftSection={<IconFileText size={18} aria-hidden />}
                renderRoot={(props) => <Link {...props} to="/patients/$patient" params={{ patient: patient.id }} />}
              >
                {t("link.records")}
              </Button>
            ))}
            <section aria-labelledby="link-studies">
              <Title order={2} size="h4" id="link-studies" pb="xs">
                {t("link.studies", { count: studies.length })}
              </Title>
              <ul className={classes.list}>
                {studies.map((study) => (
                  <li key={study.study}>
                    <Link to="/studies/$study" params={{ study: study.study }} className={`card ${classes.study}`}>
                      <Group gap="sm" wrap="nowrap">
                        <IconPhotoScan size={22} stroke={1.6} aria-hidden style={{ flex: "none" }} />
                        <div style={{ minWidth: 0 }}>
                          <Text fw={600} component="div">
                            <Bidi lines={2}>{study.description || t("thisStudy")}</Bidi>
                          </Text>
                          <Text size="sm" c="dimmed" component="div">
                            <Bidi lines={1}>{[study.modalities, format.dicom(study.date)].filter(Boolean).join(" · ")}</Bidi>
                          </Text>
                        </div>
                      </Group>
                    </Link>
                  </li>
                ))}
              </ul>
            </section>
          </>
        )}
      </Stack>
    </Container>
  );
}
