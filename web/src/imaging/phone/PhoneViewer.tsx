// The viewer of a phone: pictures as the server renders them, in the size of the screen, with the window as a parameter.
import { ActionIcon, Alert, Drawer, Loader, Menu, SegmentedControl, Slider, UnstyledButton } from "@mantine/core";
import { IconAdjustments, IconArrowLeft, IconContrast, IconEyeOff, IconLetterCase, IconMaximize, IconPlugConnectedX, IconStack2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Problem } from "../../api/http.ts";
import { useFormat } from "../../app/format.ts";
import { Bidi } from "../../ui/Bidi.tsx";
import { Loading } from "../../ui/Loading.tsx";
import { ProblemView } from "../../ui/Problem.tsx";
import { type SeriesFacts, checkAccess, frameUrl, hasPictures, seriesQuery, stackQuery, studyQuery } from "../dicom/api.ts";
import type { Picture } from "../dicom/images.ts";
import { letters, times } from "../dicom/planes.ts";
import { type Window, presetsFor } from "../dicom/windows.ts";
import { Edges, Patient, ScaleBar } from "../overlay/Texts.tsx";
import overlay from "../overlay/Overlay.module.css";
import { Contents } from "../viewer/Contents.tsx";
import { Thumbnail } from "../viewer/Thumbnail.tsx";
import classes from "./Phone.module.css";
import { Pictures } from "./pictures.ts";
import { FITTED, type View, listen } from "./touch.ts";

const route = getRouteApi("/signed-in/studies/$study");

export function PhoneViewer({ study, onLost }: { study: string; onLost: (problem: Problem) => void }) {
  const { t } = useTranslation("imaging");
  const search = route.useSearch();
  const { data: series = [] } = useQuery(seriesQuery(study));
  const { data: facts } = useQuery(studyQuery(study));
  const [chosen, setChosen] = useState(search.series);
  const [choosing, setChoosing] = useState(false);
  const [hidden, setHidden] = useState(false);
  const shown = series.find(({ uid }) => uid === chosen) ?? series.find(hasPictures);
  const stack = useQuery({ ...stackQuery(study, shown?.uid ?? ""), enabled: shown !== undefined });
  return (
    <main className={classes.phone}>
      <header className={classes.head}>
        <ActionIcon size={40} color="gray" component={Link} to="/studies" aria-label={t("viewer.toStudies")}>
          <IconArrowLeft size={20} aria-hidden />
        </ActionIcon>
        <div style={{ minWidth: 0, flex: 1, lineHeight: 1.2 }}>
          <h1 tabIndex={-1} style={{ fontSize: "0.9375rem", margin: 0 }}>
            <Bidi lines={1}>{hidden ? t("viewer.patientHidden") : facts?.patientName || t("viewer.noName")}</Bidi>
          </h1>
          <div style={{ fontSize: "0.75rem", color: "var(--mantine-color-dimmed)" }}>
            <Bidi lines={1}>{shown?.description || facts?.description || t("viewer.noDescription")}</Bidi>
          </div>
        </div>
        <ActionIcon size={40} color="gray" aria-label={t("viewer.hide")} aria-pressed={hidden} onClick={() => setHidden(!hidden)}>
          <IconEyeOff size={20} aria-hidden />
        </ActionIcon>
        <ActionIcon size={40} color="gray" aria-label={t("viewer.series")} onClick={() => setChoosing(true)}>
          <IconStack2 size={20} aria-hidden />
        </ActionIcon>
      </header>
      {stack.error ? (
        <>
          <div />
          <ProblemView page error={stack.error} retry={() => void stack.refetch()} />
        </>
      ) : stack.data?.pictures.length ? (
        <Stage key={stack.data.series} study={study} pictures={stack.data.pictures} modality={stack.data.modality} start={search} hidden={hidden} onLost={onLost} />
      ) : (
        <>
          <div />
          {stack.isPending || !stack.data ? (
            <Loading rows={2} />
          ) : (
            <div style={{ position: "relative", minHeight: 0 }}>
              <Contents instances={stack.data.others} />
            </div>
          )}
        </>
      )}
      <Drawer opened={choosing} onClose={() => setChoosing(false)} position="bottom" size="70%" title={t("viewer.series")} closeButtonProps={{ "aria-label": t("viewer.close") }}>
        <Series study={study} series={series} shown={shown?.uid} choose={(uid) => (setChosen(uid), setChoosing(false))} />
      </Drawer>
    </main>
  );
}

function Series({ study, series, shown, choose }: { study: string; series: readonly SeriesFacts[]; shown: string | undefined; choose: (uid: string) => void }) {
  const { t } = useTranslation("imaging");
  return (
    <ul style={{ listStyle: "none", padding: 0, margin: 0, display: "grid", gridTemplateColumns: "repeat(auto-fill, minmax(104px, 1fr))", gap: 10 }}>
      {series.map((one) => (
        <li key={one.uid}>
          <UnstyledButton aria-current={one.uid === shown || undefined} onClick={() => choose(one.uid)} style={{ width: "100%" }}>
            <Thumbnail study={study} series={one} />
            <span style={{ fontSize: "0.75rem", display: "block" }}>
              <Bidi lines={2}>{one.description || t("viewer.noDescription")}</Bidi> {one.modality} · {t("viewer.images", { count: one.instances })}
            </span>
          </UnstyledButton>
        </li>
      ))}
    </ul>
  );
}

interface StageProps {
  study: string;
  pictures: readonly Picture[];
  modality: string;
  start: { instance?: string; frame?: number };
  hidden: boolean;
  onLost: (problem: Problem) => void;
}

function Stage({ study, pictures, modality, start, hidden, onLost }: StageProps) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const navigate = useNavigate();
  const found = pictures.findIndex(({ instance, frame }) => instance === start.instance && frame === (start.frame ?? 1));
  const [index, setIndex] = useState(Math.max(0, found));
  const [mode, setMode] = useState<"scroll" | "window">("scroll");
  const [window, setWindow] = useState<Window>();
  const [invert, setInvert] = useState(false);
  const [texts, setTexts] = useState(true);
  const [view, setView] = useState<View>(FITTED);
  const [size, setSize] = useState<[number, number]>([0, 0]);
  const [address, setAddress] = useState<string>();
  const [failure, setFailure] = useState<unknown>();
  const [away, setAway] = useState(false);
  const stage = useRef<HTMLDivElement>(null);
  const store = useMemo(() => ({ pictures: undefined as Pictures | undefined, checked: 0 }), []);
  const picture = pictures[index]!;
  const base = window ?? picture.windows[0]?.window;

  const check = useCallback(
    async (force: boolean) => {
      if (!force && performance.now() - store.checked < 1000) return;
      store.checked = performance.now();
      try {
        await checkAccess(study);
        setAway(false);
      } catch (error) {
        if (!(error instanceof Problem)) return;
        if ([401, 403, 404, 410].includes(error.status)) {
          store.pictures?.close();
          onLost(error);
        } else if (error.status === 0) setAway(true);
      }
    },
    [study, onLost, store],
  );

  useEffect(() => {
    const made = new Pictures();
    store.pictures = made;
    return () => made.close();
  }, [store]);

  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setSize([element.clientWidth, element.clientHeight]));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const sharp = view.zoom > 1.5 ? 2 : 1;
  const urlOf = useCallback(
    (one: Picture) => {
      const ratio = Math.min(globalThis.devicePixelRatio || 1, 2) * sharp;
      // whole hundreds, so that a bar that comes and goes does not ask for all again
      const [width, height] = size.map((side) => Math.min(2400, Math.ceil((side * ratio) / 100) * 100));
      const shade = window && one.content !== "colour" ? `&window=${window.center.toFixed(2)},${window.width.toFixed(2)},${window.function.toLowerCase().replace("_", "-")}` : "";
      return `${frameUrl(one.study, one.series, one.instance, one.frame)}/rendered?viewport=${width},${height}&quality=85${shade}`;
    },
    [size, window, sharp],
  );

  useEffect(() => {
    if (size[0] === 0) return;
    let current = true;
    const wait = setTimeout(async () => {
      const near = [1, 2, -1, 3].flatMap((step) => pictures[index + step] ?? []).map(urlOf);
      const url = urlOf(picture);
      store.pictures?.only([url, ...near]);
      try {
        const made = await store.pictures?.load(url);
        if (!current) return;
        setAddress(made);
        setFailure(undefined);
        setAway(false);
        for (const next of near) void store.pictures?.load(next).catch(() => undefined);
      } catch (error) {
        if (!current || (error instanceof DOMException && error.name === "AbortError")) return;
        setFailure(error);
        void check(true);
      }
    }, store.pictures?.at(urlOf(picture)) ? 0 : 40);
    return () => {
      current = false;
      clearTimeout(wait);
    };
  }, [picture, pictures, index, urlOf, size, store, check, away]);

  const go = useCallback((to: number) => setIndex(Math.max(0, Math.min(pictures.length - 1, to))), [pictures.length]);
  const shown = useRef({ index, mode, base });
  shown.current = { index, mode, base };
  useEffect(() => {
    const element = stage.current;
    if (!element) return;
    return listen(element, {
      mode: () => shown.current.mode,
      step: (by) => {
        shown.current.index = Math.max(0, Math.min(pictures.length - 1, shown.current.index + by));
        go(shown.current.index);
      },
      window: (right, down) => {
        const now = shown.current.base ?? { center: 127, width: 255, function: "LINEAR" as const };
        const step = Math.max(now.width, 40) / 200;
        const next = { ...now, center: now.center + down * step, width: Math.max(1, now.width + right * step) };
        shown.current.base = next;
        setWindow(next);
      },
      view: setView,
      tap: () => void check(false),
    });
  }, [pictures.length, go, check]);

  useEffect(() => {
    const later = setTimeout(() => {
      void navigate({ to: "/studies/$study", params: { study }, replace: true, resetScroll: false, search: { series: picture.series, instance: picture.instance, frame: picture.frame > 1 ? picture.frame : undefined } });
    }, 500);
    return () => clearTimeout(later);
  }, [navigate, study, picture]);

  const { leads } = picture;
  const edges = leads && (() => ({ right: letters(leads.row), left: letters(times(leads.row, -1)), bottom: letters(leads.column), top: letters(times(leads.column, -1)) }));
  const scale = Math.min(size[0] / (picture.columns * picture.spacing[1]), size[1] / (picture.rows * picture.spacing[0])) * view.zoom;
  const level = base ? t("viewer.windowText", { center: format.number(base.center, 1), width: format.number(base.width, 1) }) : t("viewer.windowTable");
  const label = t("viewer.imageOf", { number: index + 1, count: pictures.length });
  return (
    <>
      <div aria-live="polite">
        {away && (
          <Alert color="yellow" variant="light" radius={0} py={6} icon={<IconPlugConnectedX aria-hidden />} title={t("viewer.away")}>
            {t("viewer.awayWords")}
          </Alert>
        )}
      </div>
      <div
        ref={stage}
        className={classes.stage}
        data-testid="phone-stage"
        data-modality={modality}
        data-image-index={index + 1}
        data-image-count={pictures.length}
        data-window={base ? `${base.center},${base.width},${base.function}` : undefined}
        data-state={failure ? "failed" : address ? "ready" : "loading"}
        data-zoom={view.zoom}
      >
        {address && <img className={classes.picture} src={address} alt={`${label}, ${level}`} draggable={false} style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`, filter: invert ? "invert(1)" : undefined }} />}
        {!address && !failure && <Loader color="gray" style={{ position: "absolute", top: "calc(50% - 18px)", left: "calc(50% - 18px)" }} aria-hidden />}
        {edges && <Edges pane={{ edges }} />}
        {texts && (
          <>
            <div className={`${overlay.corner} ${overlay.topLeft}`}>
              <Patient picture={picture} hidden={hidden} />
            </div>
            <div className={`${overlay.corner} ${overlay.bottomRight}`}>
              <div>{label}</div>
              <div>{level}</div>
            </div>
            <ScaleBar pixelsPerMillimetre={picture.spacingKind === "none" ? undefined : scale} detector={picture.spacingKind === "detector"} />
          </>
        )}
        {failure !== undefined && !away && (
          <div style={{ position: "absolute", inset: "auto 8px 8px" }}>
            <ProblemView error={failure} retry={() => setFailure(undefined)} />
          </div>
        )}
      </div>
      <div className={classes.foot}>
        {pictures.length > 1 && <Slider label={null} min={1} max={pictures.length} value={index + 1} onChange={(value) => go(value - 1)} thumbLabel={t("viewer.imageSlider")} size="lg" thumbSize={26} mb={6} thumbValueText={label} />}
        <div className={classes.actions}>
          <SegmentedControl
            aria-label={t("viewer.fingers")}
            value={mode}
            onChange={(value) => setMode(value as typeof mode)}
            data={[
              { value: "scroll", label: t("viewer.kinds.scroll") },
              { value: "window", label: t("viewer.kinds.window") },
            ]}
          />
          <div style={{ display: "flex" }}>
            <Menu position="top-end" withinPortal>
              <Menu.Target>
                <ActionIcon size={40} color="gray" aria-label={t("viewer.presetMenu")}>
                  <IconAdjustments size={20} aria-hidden />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown mah="60vh" style={{ overflowY: "auto" }}>
                {presetsFor(modality, picture.windows)
                  .filter(({ kind }) => kind !== "full")
                  .map((preset, at) => (
                    <Menu.Item key={at} onClick={() => setWindow(preset.name === "default" || preset.center === undefined || preset.width === undefined ? undefined : { center: preset.center, width: preset.width, function: preset.function ?? "LINEAR" })}>
                      {preset.own ? <bdi>{preset.own.slice(0, 60)}</bdi> : t(`viewer.presets.${preset.name}`)}
                    </Menu.Item>
                  ))}
              </Menu.Dropdown>
            </Menu>
            <ActionIcon size={40} color="gray" aria-label={t("viewer.invert")} aria-pressed={invert} onClick={() => setInvert(!invert)}>
              <IconContrast size={20} aria-hidden />
            </ActionIcon>
            <ActionIcon size={40} color="gray" aria-label={t("viewer.overlay")} aria-pressed={texts} onClick={() => setTexts(!texts)}>
              <IconLetterCase size={20} aria-hidden />
            </ActionIcon>
            <ActionIcon size={40} color="gray" aria-label={t("viewer.reset")} onClick={() => (setView(FITTED), setWindow(undefined), setInvert(false))}>
              <IconMaximize size={20} aria-hidden />
            </ActionIcon>
          </div>
        </div>
      </div>
    </>
  );
}
