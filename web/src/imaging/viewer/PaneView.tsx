import { Button, Loader } from "@mantine/core";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { useProblemWords } from "../../ui/Problem.tsx";
import { Shapes } from "../overlay/Shapes.tsx";
import { Texts } from "../overlay/Texts.tsx";
import { Gestures } from "../tools/gestures.ts";
import { Contents } from "./Contents.tsx";
import { useDesk } from "./context.ts";
import { isBroken } from "./library.ts";
import type { Pane } from "./pane.ts";
import { useChanging } from "./store.ts";
import classes from "./Viewer.module.css";

const CURSORS: Partial<Record<string, string>> = { window: "default", scroll: "ns-resize", zoom: "zoom-in", pan: "grab" };
const ARROWS: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Series dragged from the strip. */
export const SERIES_TYPE = "application/x-lenticular-series";

export function PaneView({ pane, cell, name }: { pane: Pane; cell: number; name?: string }) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const desk = useChanging(useDesk());
  useChanging(pane);
  const host = useRef<HTMLDivElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const [gestures, setGestures] = useState<Gestures>();
  const [over, setOver] = useState(false);

  useEffect(() => {
    const [inner, outer] = [host.current, frame.current];
    if (!inner || !outer) return;
    pane.attach(inner);
    const hands = new Gestures(desk, pane, outer);
    setGestures(hands);
    return () => {
      hands.close();
      setGestures(undefined);
      pane.detach();
    };
  }, [desk, pane]);

  const active = desk.pane === pane;
  const picture = pane.drawn;
  const place = desk.layout === "mpr" ? desk.place : desk.places[cell];
  const window = pane.windowNow;
  const opening = desk.opening.has(cell);
  const waiting = Boolean(place) && !pane.failure && (pane.drawnIndex !== pane.index || !picture) && (pane.pictures.length > 0 || (opening && desk.layout !== "mpr"));
  const nothing = place && pane.pictures.length === 0 && !waiting;
  const label = picture
    ? t("viewer.canvasLabel", {
        pane: name ?? cell + 1,
        series: pane.facts.description || pane.facts.modality || t("viewer.noDescription"),
        number: pane.drawnIndex + 1,
        count: pane.pictures.length,
        center: window ? format.number(window.center, 1) : "—",
        width: window ? format.number(window.width, 1) : "—",
      })
    : t("viewer.canvasEmpty", { pane: name ?? cell + 1 });

  const onKey = (event: KeyboardEvent<HTMLDivElement>) => {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey || !gestures) return;
    const arrow = ARROWS[event.key];
    const step = event.shiftKey ? 10 : 1;
    if (arrow && gestures.cursor) gestures.moveCursor(arrow[0] * step, arrow[1] * step);
    else if (event.key === "Enter") gestures.pressEnter();
    else if (event.key === "Escape" && gestures.cancel()) void 0;
    else if (event.key === " ") desk.setCine(!desk.cine);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={frame}
      className={classes.pane}
      role="group"
      aria-label={label}
      aria-roledescription={t("viewer.paneRole")}
      tabIndex={0}
      data-testid="pane"
      data-active={active || undefined}
      data-over={over || undefined}
      data-pane={name ?? String(cell + 1)}
      data-modality={pane.facts.modality}
      data-study={place?.study}
      data-series={picture?.series}
      data-instance={picture?.instance}
      data-frame={picture?.frame}
      data-image-index={picture ? pane.drawnIndex + 1 : undefined}
      data-image-count={pane.pictures.length}
      data-window={window ? `${window.center},${window.width},${window.function}` : undefined}
      data-zoom={pane.zoom}
      data-rotation={pane.rotation}
      data-flip={`${pane.flipX ? "h" : ""}${pane.flipY ? "v" : ""}`}
      data-invert={pane.invert || undefined}
      data-state={pane.failure ? "failed" : waiting ? "loading" : picture ? "ready" : "empty"}
      data-transform={picture ? Object.values(pane.transform()).map((part) => part.toFixed(5)).join(",") : undefined}
      data-spacing={picture?.spacing.join(",")}
      style={{ cursor: CURSORS[desk.tool] ?? "crosshair" }}
      onFocus={() => desk.activate(pane)}
      onKeyDown={onKey}
      onDragOver={(event) => {
        if (!event.dataTransfer.types.includes(SERIES_TYPE) || desk.layout === "mpr") return;
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        setOver(false);
        const [study, series] = event.dataTransfer.getData(SERIES_TYPE).split(" ");
        if (!study || !series || desk.layout === "mpr") return;
        event.preventDefault();
        void desk.openSeries(cell, { study, series });
      }}
    >
      <div ref={host} className={classes.host} role="img" aria-label={label} />
      <Shapes pane={pane} gestures={gestures} />
      <Texts pane={pane} gestures={gestures} />
      {name && (
        <div className={classes.cutName} data-cut={name}>
          {t(`viewer.planes.${name}`)}
        </div>
      )}
      {waiting && (
        <div className={classes.waiting} aria-hidden>
          <Loader size={picture ? 18 : 28} color="gray" />
        </div>
      )}
      {pane.failure !== undefined && <Failure pane={pane} />}
      {!place && <div className={classes.note}>{t("viewer.chooseSeries")}</div>}
      {nothing && pane.failure === undefined && desk.layout !== "mpr" && <Contents instances={pane.others} />}
    </div>
  );
}

function Failure({ pane }: { pane: Pane }) {
  const { t } = useTranslation(["ui", "imaging"]);
  const desk = useDesk();
  const said = useProblemWords()(pane.failure);
  const broken = pane.pictures.length > 0 && isBroken(pane.failure);
  const { title, todo, detail } = broken ? { ...said, title: t("imaging:viewer.broken.title", { number: pane.index + 1 }), todo: t("imaging:viewer.broken.todo") } : said;
  return (
    <div className={classes.failure} role="alert">
      <strong>{title}</strong>
      <span>{todo}</span>
      {detail && <small dir="auto">{detail}</small>}
      <Button size="xs" variant="default" onClick={() => desk.retry(pane)}>
        {t("retry")}
      </Button>
    </div>
  );
}
