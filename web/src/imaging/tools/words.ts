// Results in the reader's numbers and words.
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import type { Result } from "./measure.ts";

export interface Said {
  /** Key of the quantity, such as `length` or `mean`. */
  name: string;
  value: number;
  unit: string;
  text: string;
}

/** What there is to say about a result: the quantities, and one line of them. */
export function useResultWords() {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  return (result: Result | undefined): Said[] => {
    if (!result) return [];
    const scaled = result.scale !== "none";
    const said: Said[] = [];
    const say = (name: string, value: number | undefined, unit: string, digits = 1) => {
      if (value !== undefined) said.push({ name, value, unit, text: `${format.number(value, digits)}${unit === "°" ? unit : unit ? ` ${unit}` : ""}` });
    };
    const off = result.scale === "detector" ? ` ${t("viewer.atDetector")}` : "";
    say("length", result.length, `${scaled ? "mm" : "px"}${off}`);
    say("angle", result.degrees, "°");
    say("area", result.area, `${scaled ? "mm²" : "px²"}${off}`);
    say("mean", result.mean, result.unit);
    say("deviation", result.deviation, result.unit);
    say("least", result.least, result.unit, 2);
    say("most", result.most, result.unit, 2);
    say("count", result.count, "", 0);
    say("value", result.value, result.unit, 2);
    if (result.colour) said.push({ name: "colour", value: result.colour[0], unit: "", text: `RGB ${result.colour.join(", ")}` });
    return said;
  };
}
