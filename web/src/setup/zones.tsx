import { Select } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** The browser's own zone. */
export const browserZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

let known: { value: string; label: string }[] | undefined;

function zones() {
  known ??= [...new Set(["UTC", browserZone(), ...Intl.supportedValuesOf("timeZone")])]
    .sort()
    .map((zone) => ({ value: zone, label: `${zone.replaceAll("_", " ")} (${offset(zone)})` }));
  return known;
}

function offset(zone: string): string {
  const parts = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(new Date());
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "";
}

export function ZoneSelect({ value, onChange }: { value: string; onChange: (zone: string) => void }) {
  const { t } = useTranslation("setup");
  return (
    <Select
      label={t("zone.label")}
      description={t("zone.hint")}
      data={zones()}
      value={value}
      onChange={(zone) => zone && onChange(zone)}
      searchable
      limit={80}
      nothingFoundMessage={t("zone.none")}
      filter={({ options, search }) => {
        const wanted = search.toLowerCase().replaceAll(" ", "").replaceAll("_", "").trim();
        return options.filter((option) => "value" in option && `${option.value}${option.label}`.toLowerCase().replaceAll(" ", "").replaceAll("_", "").includes(wanted));
      }}
      required
    />
  );
}
