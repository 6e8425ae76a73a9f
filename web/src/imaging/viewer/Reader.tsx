// The viewer of a workstation: everything around the panes.
import { Alert, Button, Menu } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconArrowLeft, IconHistory, IconPlugConnectedX, IconShare3, IconUser } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, getRouteApi, useNavigate } from "@tanstack/react-router";
import { Suspense, lazy, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Problem } from "../../api/http.ts";
import { useFormat } from "../../app/format.ts";
import { useCan, useSession } from "../../app/session.tsx";
import { Bidi } from "../../ui/Bidi.tsx";
import { failed } from "../../ui/notify.ts";
import { type SeriesFacts, hasPictures, patientQuery, priorsQuery, seriesQuery, studyQuery } from "../dicom/api.ts";
import { MeasurementPanel } from "../tools/MeasurementPanel.tsx";
import { DeskProvider } from "./context.ts";
import { Desk } from "./desk.ts";
import { Keys } from "./Keys.tsx";
import { CELLS } from "./layout.ts";
import { memoryLimit } from "./memory.ts";
import { PaneView } from "./PaneView.tsx";
import { SeriesStrip } from "./SeriesStrip.tsx";
import { useReaderShortcuts } from "./shortcuts.ts";
import { useChanging } from "./store.ts";
import { Toolbar } from "./Toolbar.tsx";
import classes from "./Viewer.module.css";

const ShareDialog = lazy(() => import("../../sharing/ShareDialog.tsx").then(({ ShareDialog }) => ({ default: ShareDialog })));
const route = getRouteApi("/signed-in/studies/$study");
const NONE: SeriesFacts[] = [];
const CUTS = ["axial", "coronal", "sagittal"] as const;

export function Reader({ study, onLost }: { study: string; onLost: (problem: Problem) => void }) {
  const client = useQueryClient();
  const session = useSession();
  const [desk, setDesk] = useState<Desk>();
  const owner = session.user ? `${session.member.id}.${session.user.login}` : undefined;
  const memory = memoryLimit(session.preferences);
  useEffect(() => {
    const opened = new Desk(client, study, owner, memory);
    setDesk(opened);
    return () => opened.close();
  }, [client, study, owner, memory]);
  return desk ? (
    <DeskProvider value={desk}>
      <Table desk={desk} onLost={onLost} />
    </DeskProvider>
  ) : null;
}

function Table({ desk, onLost }: { desk: Desk; onLost: (problem: Problem) => void }) {
  const { t } = useTranslation("imaging");
  const search = route.useSearch();
  const [panel, setPanel] = useState(false);
  const [help, setHelp] = useState(false);
  const [prior, setPrior] = useState(search.prior);
  useChanging(desk);
  const { data: series = NONE } = useQuery(seriesQuery(desk.study));

  // opens what the address says, once
  const [opened, setOpened] = useState(false);
  useEffect(() => {
    if (opened || series.length === 0) return;
    setOpened(true);
    const pictured = series.filter(hasPictures);
    const layout = search.layout ?? "1x1";
    const cells = layout === "mpr" ? 1 : CELLS[layout];
    const named = (search.panes ?? "").split(",").map((part) => part.split(":"));
    const wanted = Array.from({ length: cells }, (_, cell) => {
      const [uid, of] = named[cell] ?? [];
      return uid && uid !== "-" ? { study: of || desk.study, series: uid } : undefined;
    });
    const known = series.find(({ uid }) => uid === search.series)?.uid;
    const active = Math.max(0, wanted.findIndex((place) => place?.series === search.series));
    if (!wanted[active]) wanted[active] = known ? { study: desk.study, series: known } : undefined;
    const free = pictured.filter(({ uid }) => !wanted.some((place) => place?.series === uid));
    if (layout !== "mpr") desk.setLayout(layout);
    desk.active = active;
    const opening = wanted.map((place, cell) => {
      const next = place ?? (free[0] && { study: desk.study, series: free.shift()!.uid });
      return next ? desk.openSeries(cell, next, cell === active ? { instance: search.instance, frame: search.frame } : undefined) : undefined;
    });
    if (layout === "mpr") void Promise.all(opening).then(() => desk.setLayout("mpr"));
  }, [desk, opened, series, search]);

  useEffect(() => {
    desk.onLeft = (study) => {
      setPrior((shown) => (shown === study ? undefined : shown));
      failed(t("viewer.priorGone"), t("viewer.purged"));
    };
  }, [desk, t]);
  useEffect(() => {
    if (desk.lost) onLost(desk.lost);
  }, [desk.lost, onLost]);
  const togglePanel = useCallback(() => setPanel((was) => !was), []);
  const showHelp = useCallback(() => setHelp(true), []);
  useReaderShortcuts(desk, series, { panel: togglePanel, help: showHelp });

  const openPrior = async (other: string) => {
    setPrior(other);
    const list = await desk.client.fetchQuery(seriesQuery(other));
    const modality = desk.pane.facts.modality;
    const like = desk.pane.facts.description;
    const pictured = list.filter(hasPictures);
    const best = pictured.find((one) => one.modality === modality && one.description === like) ?? pictured.find((one) => one.modality === modality) ?? pictured[0];
    if (desk.layout === "1x1" || desk.layout === "mpr") desk.setLayout("1x2");
    if (best) await desk.openSeries(1, { study: other, series: best.uid });
  };

  return (
    <main className={classes.viewer} onPointerDownCapture={() => desk.touched()} onKeyDownCapture={() => desk.touched()}>
      <header className={classes.head}>
        <Heading desk={desk} onPrior={openPrior} />
        <Toolbar series={series} panel={panel} onPanel={togglePanel} onHelp={showHelp} />
      </header>
      <div className={classes.notes} aria-live="polite">
        {desk.away && (
          <Alert color="yellow" variant="light" radius={0} py={6} icon={<IconPlugConnectedX aria-hidden />} title={t("viewer.away")}>
            {t("viewer.awayWords")}
          </Alert>
        )}
        <MprNote desk={desk} />
      </div>
      <SeriesStrip prior={prior} />
      <div className={classes.panes} data-layout={desk.layout} data-testid="panes">
        {desk.layout === "mpr"
          ? CUTS.map((name, cell) => <PaneView key={name} pane={desk.cuts[name]} cell={cell} name={name} />)
          : desk.shown.map((pane, cell) => <PaneView key={pane.id} pane={pane} cell={cell} />)}
      </div>
      {panel && <MeasurementPanel />}
      <Live desk={desk} />
      {opened && <Address desk={desk} prior={prior} />}
      {help && <Keys close={() => setHelp(false)} />}
    </main>
  );
}

function Heading({ desk, onPrior }: { desk: Desk; onPrior: (study: string) => Promise<void> }) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const session = useSession();
  const { data: facts } = useQuery(studyQuery(desk.study));
  const { data: priors = [] } = useQuery(priorsQuery(session.role === "guest" ? undefined : facts));
  const { data: patient } = useQuery(patientQuery(session.role === "guest" || session.role === "patient" ? undefined : desk.study));
  const maySharing = useCan("share");
  const [sharing, setSharing] = useState(false);
  const name = desk.hidden ? t("viewer.patientHidden") : facts?.patientName || t("viewer.noName");
  return (
    <>
      {session.role !== "guest" && (
        <Button component={Link} to="/studies" variant="subtle" color="gray" size="compact-sm" leftSection={<IconArrowLeft size={16} aria-hidden />}>
          {t("viewer.studies")}
        </Button>
      )}
      {patient && (
        <Button component={Link} to={`/patients/${patient}`} variant="subtle" color="gray" size="compact-sm" leftSection={<IconUser size={16} aria-hidden />}>
          {t("viewer.patient")}
        </Button>
      )}
      <div className={classes.who}>
        <h1 tabIndex={-1}>
          <Bidi>{name}</Bidi>
        </h1>
        <p>{facts ? [desk.hidden ? "" : facts.patientId, facts.description, desk.hidden ? "" : format.dicom(facts.date)].filter(Boolean).map((part) => part.slice(0, 120)).join(" · ") : " "}</p>
      </div>
      {maySharing && (
        <Button size="compact-sm" variant="default" leftSection={<IconShare3 size={16} aria-hidden />} onClick={() => setSharing(true)}>
          {t("viewer.share")}
        </Button>
      )}
      <Suspense fallback={null}>{sharing && <ShareDialog opened onClose={() => setSharing(false)} study={desk.study} title={[facts?.patientName, facts?.description].filter(Boolean).join(" · ")} />}</Suspense>
      {priors.length > 0 && (
        <Menu shadow="md" withinPortal>
          <Menu.Target>
            <Button size="compact-sm" variant="default" leftSection={<IconHistory size={16} aria-hidden />}>
              {t("viewer.priors", { count: priors.length })}
            </Button>
          </Menu.Target>
          <Menu.Dropdown mah="70vh" style={{ overflowY: "auto" }}>
            {priors.map((other) => (
              <Menu.Item key={other.uid} onClick={() => void onPrior(other.uid)}>
                {[format.dicom(other.date), other.modalities.join(", "), other.description.slice(0, 80)].filter(Boolean).join(" · ")}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

function MprNote({ desk }: { desk: Desk }) {
  const { t } = useTranslation("imaging");
  const { mpr } = desk;
  if (desk.layout !== "mpr" || mpr.state === "ready" || mpr.state === "off") return null;
  if (mpr.state === "loading") return <Alert variant="light" radius={0} py={6} title={t("viewer.mpr.loading", { loaded: mpr.loaded, total: mpr.total })} data-mpr="loading" />;
  return (
    <Alert color="yellow" variant="light" radius={0} py={6} title={t("viewer.mpr.refused")} data-mpr="refused">
      {t(`viewer.mpr.reasons.${mpr.reason}`)}{" "}
      <Button size="compact-xs" variant="default" onClick={() => desk.leaveMpr()}>
        {t("viewer.mpr.back")}
      </Button>
    </Alert>
  );
}

/** Says what changed, after it has: not each picture of a scroll. */
function Live({ desk }: { desk: Desk }) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const pane = useChanging(desk.pane);
  const [words, setWords] = useState("");
  const say = useDebouncedCallback(setWords, 600);
  const window = pane.windowNow;
  const now = pane.drawn
    ? t("viewer.live", {
        number: pane.drawnIndex + 1,
        count: pane.pictures.length,
        center: window ? format.number(window.center, 1) : "—",
        width: window ? format.number(window.width, 1) : "—",
      })
    : "";
  useEffect(() => say(now), [now, say]);
  return (
    <div className="visually-hidden" aria-live="polite" data-testid="live">
      {words}
    </div>
  );
}

/** Keeps the address such that it opens what is seen. */
function Address({ desk, prior }: { desk: Desk; prior: string | undefined }) {
  useChanging(desk);
  const navigate = useNavigate();
  const pane = useChanging(desk.layout === "mpr" ? desk.panes[0]! : desk.pane);
  const write = useDebouncedCallback(() => {
    const many = desk.layout !== "1x1" && desk.layout !== "mpr";
    const { drawn } = pane;
    const place = desk.place;
    if (!place) return;
    void navigate({
      to: "/studies/$study",
      params: { study: desk.study },
      replace: true,
      resetScroll: false,
      search: {
        series: place.series,
        instance: drawn?.series === place.series ? drawn.instance : undefined,
        frame: drawn && drawn.series === place.series && drawn.frame > 1 ? drawn.frame : undefined,
        layout: desk.layout === "1x1" ? undefined : desk.layout,
        prior,
        panes: many ? desk.places.slice(0, CELLS[desk.layout]).map((one) => (one ? (one.study === desk.study ? one.series : `${one.series}:${one.study}`) : "-")).join(",") : undefined,
      },
    });
  }, 400);
  const key = JSON.stringify([pane.drawn?.id, desk.layout, desk.places, prior]);
  useEffect(() => write(), [key, write]);
  return null;
}
