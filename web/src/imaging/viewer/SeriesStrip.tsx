import { UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { Bidi } from "../../ui/Bidi.tsx";
import { type SeriesFacts, seriesQuery, studyQuery } from "../dicom/api.ts";
import { useDesk } from "./context.ts";
import { SERIES_TYPE } from "./PaneView.tsx";
import { useChanging } from "./store.ts";
import { Thumbnail } from "./Thumbnail.tsx";
import classes from "./Viewer.module.css";

function Item({ study, series }: { study: string; series: SeriesFacts }) {
  const { t } = useTranslation("imaging");
  const desk = useChanging(useDesk());
  const shown = desk.shown.length && desk.places.slice(0, desk.layout === "mpr" ? 4 : desk.shown.length).some((place) => place?.series === series.uid);
  const active = desk.place?.series === series.uid;
  const name = series.description || t("viewer.noDescription");
  return (
    <li>
      <UnstyledButton
        className={classes.series}
        data-series={series.uid}
        data-shown={shown || undefined}
        data-active={active || undefined}
        aria-current={active || undefined}
        draggable
        onDragStart={(event) => event.dataTransfer.setData(SERIES_TYPE, `${study} ${series.uid}`)}
        onClick={() => {
          desk.touched();
          if (desk.layout === "mpr") desk.leaveMpr();
          void desk.openSeries(desk.active, { study, series: series.uid });
        }}
      >
        <span className="visually-hidden">{t("viewer.seriesLabel", { modality: series.modality, name, count: series.instances })}</span>
        <Thumbnail study={study} series={series} />
        <span className={classes.facts} aria-hidden>
          <span>
            <Bidi lines={2}>{name}</Bidi>
          </span>
          <span style={{ color: "var(--mantine-color-dimmed)" }}>{[series.modality, t("viewer.images", { count: series.instances })].filter(Boolean).join(" · ")}</span>
        </span>
      </UnstyledButton>
    </li>
  );
}

function Section({ study, prior }: { study: string; prior: boolean }) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const { data: series = [] } = useQuery(seriesQuery(study));
  const { data: facts } = useQuery({ ...studyQuery(study), enabled: prior });
  return (
    <section aria-label={prior ? t("viewer.priorSeries") : t("viewer.series")}>
      <h2>{prior ? t("viewer.priorOf", { date: facts ? format.dicom(facts.date) : "…" }) : t("viewer.series")}</h2>
      <ul className={classes.list}>
        {series.map((one) => (
          <Item key={one.uid} study={study} series={one} />
        ))}
      </ul>
    </section>
  );
}

export function SeriesStrip({ prior }: { prior: string | undefined }) {
  const { t } = useTranslation("imaging");
  const desk = useDesk();
  return (
    <nav className={classes.strip} aria-label={t("viewer.series")}>
      <Section study={desk.study} prior={false} />
      {prior && <Section study={prior} prior />}
    </nav>
  );
}
