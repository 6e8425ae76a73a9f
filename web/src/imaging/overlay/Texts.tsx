// What stands around the picture: whose it is, what it is, which way it lies, how large it is.
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { Bidi } from "../../ui/Bidi.tsx";
import { number, person, text } from "../dicom/attributes.ts";
import type { Picture } from "../dicom/images.ts";
import type { Gestures } from "../tools/gestures.ts";
import { useDesk } from "../viewer/context.ts";
import type { Pane } from "../viewer/pane.ts";
import { useChanging } from "../viewer/store.ts";
import classes from "./Overlay.module.css";

function Line({ children }: { children: string }) {
  return children ? (
    <div>
      <Bidi>{children.slice(0, 300)}</Bidi>
    </div>
  ) : null;
}

/** A round number of millimetres that is 60 to 160 pixels long. */
export function scaleLength(pixelsPerMillimetre: number): number {
  const most = 160 / pixelsPerMillimetre;
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].map((step) => step * power).find((length) => length <= most) ?? power;
}

export function Edges({ pane }: { pane: Pick<Pane, "edges"> }) {
  const edges = pane.edges();
  if (!edges) return null;
  return (
    <>
      {(["left", "right", "top", "bottom"] as const).map((edge) => (
        <span key={edge} className={`${classes.edge} ${classes[edge]}`} data-edge={edge} translate="no">
          {edges[edge]}
        </span>
      ))}
    </>
  );
}

export function ScaleBar({ pixelsPerMillimetre, detector }: { pixelsPerMillimetre: number | undefined; detector: boolean }) {
  const format = useFormat();
  if (!pixelsPerMillimetre || !Number.isFinite(pixelsPerMillimetre)) return null;
  const millimetres = scaleLength(pixelsPerMillimetre);
  return (
    <div className={classes.scale} style={{ width: millimetres * pixelsPerMillimetre }} data-scale-mm={millimetres} translate="no">
      {millimetres >= 10 ? `${format.number(millimetres / 10)} cm` : `${format.number(millimetres)} mm`}
      {detector ? " *" : ""}
    </div>
  );
}

/** Whose picture it is; hidden by one key where others look on. */
export function Patient({ picture, hidden }: { picture: Picture; hidden: boolean }) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const { attributes: from } = picture;
  if (hidden) return <Line>{t("viewer.patientHidden")}</Line>;
  const birth = text(from, "00100030");
  return (
    <>
      <Line>{person(from, "00100010") || t("viewer.noName")}</Line>
      <Line>{[text(from, "00100020"), birth && format.dicom(birth), text(from, "00100040")].filter(Boolean).join(" · ")}</Line>
    </>
  );
}

export function StudyLines({ picture, hidden }: { picture: Picture; hidden: boolean }) {
  const format = useFormat();
  const { attributes: from } = picture;
  const date = text(from, "00080023") || text(from, "00080021") || text(from, "00080020");
  const time = text(from, "00080023") ? text(from, "00080033") : text(from, "00080031");
  return (
    <>
      {!hidden && <Line>{text(from, "00080080")}</Line>}
      <Line>{text(from, "00081030")}</Line>
      {!hidden && <Line>{date ? format.dicom(date, time || undefined) : ""}</Line>}
      {!hidden && <Line>{text(from, "00080050")}</Line>}
    </>
  );
}

export function Texts({ pane, gestures }: { pane: Pane; gestures: Gestures | undefined }) {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const desk = useChanging(useDesk());
  const picture = pane.drawn;
  if (!picture) return null;
  const letters = <Edges pane={pane} />;
  if (!desk.overlay) return letters;
  const window = pane.windowNow;
  const level = window && { center: format.number(round(window.center), 1), width: format.number(round(window.width), 1) };
  const along = picture.plane && number(picture.attributes, "00201041");
  const from = picture.attributes;
  const cut = picture.id.startsWith("slice:");
  return (
    <>
      {letters}
      <div className={`${classes.corner} ${classes.topLeft}`}>
        <Patient picture={picture} hidden={desk.hidden} />
      </div>
      <div className={`${classes.corner} ${classes.topRight}`}>
        <StudyLines picture={picture} hidden={desk.hidden} />
      </div>
      <div className={`${classes.corner} ${classes.bottomLeft}`}>
        <Line>{[pane.facts.seriesNumber !== undefined ? t("viewer.seriesNumber", { number: pane.facts.seriesNumber }) : "", pane.facts.description].filter(Boolean).join(" · ")}</Line>
        <Line>{t("viewer.imageOf", { number: pane.drawnIndex + 1, count: pane.pictures.length })}</Line>
        <Line>
          {[
            picture.thickness ? t("viewer.thickness", { mm: format.number(picture.thickness, 2) }) : "",
            !cut && along !== undefined ? t("viewer.location", { mm: format.number(along, 1) }) : "",
            !cut && number(from, "00180060") ? `${format.number(number(from, "00180060")!)} kV` : "",
          ]
            .filter(Boolean)
            .join(" · ")}
        </Line>
        {desk.mpr.state === "ready" && desk.mpr.every > 1 && cut && <Line>{t("viewer.mpr.every", { count: desk.mpr.every })}</Line>}
      </div>
      <div className={`${classes.corner} ${classes.bottomRight}`}>
        {gestures && <Probe pane={pane} gestures={gestures} />}
        <Line>{level ? t("viewer.windowText", level) : t("viewer.windowTable")}</Line>
        <Line>{[t("viewer.zoomText", { zoom: format.number(pane.zoom * 100) }), pane.rotation ? `${pane.rotation}°` : "", pane.invert ? t("viewer.inverted") : ""].filter(Boolean).join(" · ")}</Line>
      </div>
      <ScaleBar pixelsPerMillimetre={pane.pixelsPerMillimetre} detector={picture.spacingKind === "detector"} />
    </>
  );
}

const round = (value: number) => (Math.abs(value) >= 10 ? Math.round(value) : value);

/** The value under the hand. */
function Probe({ pane, gestures }: { pane: Pane; gestures: Gestures }) {
  const format = useFormat();
  useChanging(gestures);
  const read = gestures.hover && pane.valueAt(gestures.hover);
  if (!read) return <div data-probe="">&nbsp;</div>;
  const unit = pane.drawn?.unit ?? "";
  const value = read.colour ? `RGB ${read.colour.join(", ")}` : `${format.number(read.value ?? 0, 2)}${unit ? ` ${unit}` : ""}`;
  return (
    <div
      data-probe=""
      data-column={read.column}
      data-row={read.row}
      data-value={read.colour ? read.colour.join(",") : read.value}
      data-unit={unit}
      data-point={read.point?.map((part) => part.toFixed(3)).join(",")}
      translate="no"
    >
      {`${value}  (${read.column}, ${read.row})`}
    </div>
  );
}
