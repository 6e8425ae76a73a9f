import { Popover, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** Longer than this does not fit a line anywhere. */
const LONG = 120;

/** Text from outside on one line, in its own direction; all of it on demand where it is too long to be read in place. */
export function Clip({ children, empty = "—" }: { children: string; empty?: string }) {
  const { t } = useTranslation("ui");
  const shown = children.trim();
  if (!shown) return <>{empty}</>;
  const style = { display: "inline-block", maxWidth: "100%", overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap", verticalAlign: "bottom" } as const;
  if (shown.length <= LONG)
    return (
      <bdi style={style} title={shown.length > 24 ? shown : undefined}>
        {shown}
      </bdi>
    );
  return (
    <span style={{ display: "inline-flex", maxWidth: "100%", gap: 4, alignItems: "baseline" }}>
      <bdi style={{ ...style, flex: "0 1 auto", minWidth: 0 }}>{shown.slice(0, LONG)}</bdi>
      <Popover width={420} position="bottom-start" shadow="md" withArrow trapFocus returnFocus>
        <Popover.Target>
          <UnstyledButton aria-label={t("wholeText")} style={{ flex: "none", minWidth: 24, minHeight: 24, textAlign: "center" }} onClick={(event) => event.preventDefault()}>
            …
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown>
          <div tabIndex={0} role="group" aria-label={t("wholeText")} style={{ maxHeight: 320, overflow: "auto", overflowWrap: "anywhere", whiteSpace: "pre-wrap" }}>
            <bdi>{shown.slice(0, 20_000)}</bdi>
          </div>
        </Popover.Dropdown>
      </Popover>
    </span>
  );
}
