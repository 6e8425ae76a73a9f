import { Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useFormat } from "../app/format.ts";
import { Bidi } from "../ui/Bidi.tsx";
import { Clip } from "../ui/Clip.tsx";
import { spoken } from "../ui/spoken.ts";
import type { Difference } from "./api.ts";
import classes from "./tray.module.css";

/** Longer values are shown in part, and in full on demand. */
const LONG = 120;

/** What tells people most comes first; then by tag. */
const FIRST = ["PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber", "StudyDate", "StudyDescription", "SeriesDescription", "PixelData"];

function rank(difference: Difference): number {
  const at = FIRST.indexOf(difference.keyword ?? "");
  return at < 0 ? FIRST.length : at;
}

/** `PatientBirthDate` as words, where we have no translation: "Patient Birth Date". */
function split(keyword: string): string {
  return keyword.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
}

export function useTagName() {
  const { t, i18n } = useTranslation("tray");
  return ({ tag, keyword }: Pick<Difference, "tag" | "keyword">): string => {
    if (keyword && i18n.exists(`tray:tags.${keyword}`)) return t(`tags.${keyword}`);
    return keyword ? split(keyword) : `(${tag.slice(0, 4)},${tag.slice(4)})`;
  };
}

function Value({ difference, value }: { difference: Difference; value: string | null | undefined }) {
  const { t } = useTranslation("tray");
  const format = useFormat();
  if (value === null || value === undefined)
    return (
      <Text size="sm" c="dimmed">
        {t("absent")}
      </Text>
    );
  if (value.trim() === "")
    return (
      <Text size="sm" c="dimmed">
        {t("blank")}
      </Text>
    );
  if (value === "…") return <>{t("bulk")}</>;
  const { keyword } = difference;
  if (keyword?.endsWith("Date") && /^\d{8}$/.test(value)) return <>{format.dicom(value)}</>;
  const shown = keyword?.endsWith("Name") ? spoken(value) || value : value;
  return shown.length > LONG ? <Clip>{shown}</Clip> : <Bidi>{shown}</Bidi>;
}

export function Differences({ differences }: { differences: Difference[] }) {
  const { t } = useTranslation("tray");
  const nameOf = useTagName();
  const sorted = [...differences].sort((a, b) => rank(a) - rank(b) || a.tag.localeCompare(b.tag));
  if (sorted.length === 0) return <Text size="sm">{t("noDifferences")}</Text>;
  return (
    <table className={classes.table}>
      <caption>
        <Text size="sm" c="dimmed" component="span">
          {t("differencesOf", { count: sorted.length })}
        </Text>
      </caption>
      <thead>
        <tr>
          <th scope="col">{t("attribute")}</th>
          <th scope="col">{t("sides.incoming")}</th>
          <th scope="col">{t("sides.current")}</th>
        </tr>
      </thead>
      <tbody>
        {sorted.map((difference) => (
          <tr key={difference.tag}>
            <th scope="row" title={difference.tag}>
              {nameOf(difference)}
            </th>
            <td data-label={t("sides.incoming")}>
              <Value difference={difference} value={difference.incoming} />
            </td>
            <td data-label={t("sides.current")}>
              <Value difference={difference} value={difference.current} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
