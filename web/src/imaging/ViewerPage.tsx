import { Anchor } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import i18next from "i18next";
import { Suspense, lazy, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../api/http.ts";
import { useFormat } from "../app/format.ts";
import { remember } from "../app/palette/recent.ts";
import { queryClient } from "../app/queries.ts";
import { useTitle } from "../ui/Page.tsx";
import { ProblemView } from "../ui/Problem.tsx";
import { askAhead, seriesQuery, studyQuery } from "./dicom/api.ts";
import { validateViewer } from "./viewer/search.ts";
import classes from "./viewer/Viewer.module.css";

// the code comes while the study is asked for; the phone's viewer needs none of it
const loadReader = () => import("./viewer/Reader.tsx");
const Reader = lazy(() => loadReader().then(({ Reader }) => ({ default: Reader })));
const PhoneViewer = lazy(() => import("./phone/PhoneViewer.tsx").then(({ PhoneViewer }) => ({ default: PhoneViewer })));
const route = getRouteApi("/signed-in/studies/$study");
const NARROW = "(max-width: 47.99em)";
const wide = !window.matchMedia(NARROW).matches;
const ignore = () => undefined;
// this is loaded when somebody points at a study, or has its address: what comes next need not wait
if (wide) loadReader().catch(ignore);
const opened = /^\/studies\/([0-9.]{1,64})\/?$/.exec(location.pathname)?.[1];
if (opened) {
  void i18next.loadNamespaces("imaging");
  askAhead(queryClient, opened, validateViewer(Object.fromEntries(new URLSearchParams(location.search))), wide).catch(ignore);
}

/** Too small, or too little memory, to hold a stack. */
function useIsPhone(): boolean {
  const narrow = useMediaQuery(NARROW, window.matchMedia(NARROW).matches);
  const coarse = useMediaQuery("(pointer: coarse)", window.matchMedia("(pointer: coarse)").matches);
  const memory = (navigator as { deviceMemory?: number }).deviceMemory;
  return narrow || (coarse && memory !== undefined && memory <= 2);
}

function Waiting() {
  const { t } = useTranslation("ui", { useSuspense: false });
  return (
    <div className={classes.opening} role="status">
      {t("loading")}
    </div>
  );
}

export function ViewerPage() {
  const { t } = useTranslation("imaging");
  const { study } = route.useParams();
  const search = route.useSearch();
  const client = useQueryClient();
  const phone = useIsPhone();
  const [lost, setLost] = useState<Problem>();
  const facts = useQuery({ ...studyQuery(study), enabled: !lost });
  const series = useQuery({ ...seriesQuery(study), enabled: !lost });
  useEffect(() => {
    if (study !== opened) askAhead(client, study, search, !phone).catch(ignore);
    // where the study is opened, not wherever one goes in it
  }, [client, study]);
  useEffect(() => setLost(undefined), [study]);
  // a session that ended leads to the login page, and back here
  const ended = lost?.status === 401;
  useEffect(() => {
    if (ended) void client.invalidateQueries({ queryKey: ["session"] });
  }, [client, ended]);
  const format = useFormat();
  useEffect(() => {
    if (!facts.data) return;
    const { patientName, description, modalities, date } = facts.data;
    remember({ kind: "studies", id: study, label: [description || modalities.join(" "), patientName].filter(Boolean).join(" · ").slice(0, 200), detail: format.dicom(date) });
  }, [facts.data, study, format]);
  useTitle([facts.data?.description || t("viewer.title"), facts.data?.patientName].filter(Boolean).join(" · "));

  const problem = lost ?? series.error ?? facts.error;
  if (problem) {
    return (
      <main className={classes.viewer} style={{ display: "block", padding: 16, overflow: "auto" }} data-viewer-state="lost">
        <h1 className="visually-hidden" tabIndex={-1}>
          {t("viewer.title")}
        </h1>
        <ProblemView
          page
          error={problem}
          retry={() => {
            setLost(undefined);
            void client.resetQueries({ queryKey: ["viewer"] });
          }}
        />
        <p style={{ textAlign: "center" }}>
          {lost && t("viewer.purged")}{" "}
          <Anchor component={Link} to="/studies">
            {t("viewer.toStudies")}
          </Anchor>
        </p>
      </main>
    );
  }
  if (!series.data) return <Waiting />;
  return <Suspense fallback={<Waiting />}>{phone ? <PhoneViewer key={study} study={study} onLost={setLost} /> : <Reader key={study} study={study} onLost={setLost} />}</Suspense>;
}
