import { ActionIcon, Menu, NumberInput, SegmentedControl, Tooltip } from "@mantine/core";
import {
  type Icon,
  IconAdjustments,
  IconAngle,
  IconArrowsMove,
  IconArrowsVertical,
  IconBoxMultiple,
  IconColorPicker,
  IconContrast,
  IconCrosshair,
  IconEyeOff,
  IconFlipHorizontal,
  IconFlipVertical,
  IconGridDots,
  IconKeyboard,
  IconLayoutGrid,
  IconLayoutSidebarRight,
  IconLetterCase,
  IconLink,
  IconOvalVertical,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconRotateClockwise,
  IconRuler2,
  IconStar,
  IconStarFilled,
  IconZoomIn,
} from "@tabler/icons-react";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import type { SeriesFacts } from "../dicom/api.ts";
import { useDesk } from "./context.ts";
import type { Tool } from "./desk.ts";
import { LAYOUTS } from "./layout.ts";
import { useChanging, useSelected } from "./store.ts";
import classes from "./Viewer.module.css";

const TOOLS: [Tool, Icon, string][] = [
  ["window", IconContrast, "w"],
  ["scroll", IconArrowsVertical, "s"],
  ["zoom", IconZoomIn, "z"],
  ["pan", IconArrowsMove, "p"],
  ["length", IconRuler2, "l"],
  ["angle", IconAngle, "a"],
  ["ellipse", IconOvalVertical, "e"],
  ["probe", IconColorPicker, "d"],
];

interface ActProps {
  name: string;
  icon: Icon;
  keys?: string;
  pressed?: boolean;
  disabled?: boolean;
  onClick?: () => void;
}

function Act({ name, icon: ActIcon, keys, pressed, disabled, onClick }: ActProps) {
  return (
    <Tooltip label={keys ? `${name} (${keys.toUpperCase()})` : name}>
      <ActionIcon size={34} color={pressed ? undefined : "gray"} variant={pressed ? "light" : "subtle"} aria-label={name} aria-pressed={pressed} aria-keyshortcuts={keys} disabled={disabled} onClick={onClick}>
        <ActIcon size={19} stroke={1.7} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}

function Presets() {
  const { t } = useTranslation("imaging");
  const format = useFormat();
  const desk = useDesk();
  const { pane } = desk;
  const [open, setOpen] = useState(false);
  return (
    <Menu shadow="md" position="bottom-start" withinPortal opened={open} onChange={setOpen}>
      <Menu.Target>
        <ActionIcon size={34} color="gray" aria-label={t("viewer.presetMenu")} title={t("viewer.presetMenu")}>
          <IconAdjustments size={19} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown mah="80vh" style={{ overflowY: "auto" }}>
        {(open ? pane.presets() : []).map((preset, at) => (
          <Menu.Item
            key={at}
            onClick={() => pane.apply(preset)}
            rightSection={
              <span style={{ color: "var(--mantine-color-dimmed)", fontSize: "0.75rem", paddingInlineStart: 16 }}>
                {preset.center !== undefined && preset.width !== undefined ? `${format.number(preset.center, 1)} / ${format.number(preset.width, 1)}` : ""} {at < 9 ? <kbd>{at + 1}</kbd> : preset.kind === "full" ? <kbd>0</kbd> : null}
              </span>
            }
          >
            {preset.own ? <bdi>{preset.own.slice(0, 60)}</bdi> : t(`viewer.presets.${preset.name}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Layouts({ series }: { series: readonly SeriesFacts[] }) {
  const { t } = useTranslation("imaging");
  const desk = useDesk();
  return (
    <Menu shadow="md" withinPortal>
      <Menu.Target>
        <ActionIcon size={34} color="gray" aria-label={t("viewer.layout")} title={t("viewer.layout")}>
          <IconLayoutGrid size={19} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {LAYOUTS.map((layout) => (
          <Menu.Item key={layout} onClick={() => desk.setLayout(layout, series)} aria-current={desk.layout === layout || undefined} fw={desk.layout === layout ? 650 : undefined}>
            {t(`viewer.layouts.${layout}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function SlabControls() {
  const { t } = useTranslation("imaging");
  const desk = useDesk();
  return (
    <div className={classes.group} style={{ alignItems: "center", gap: 6 }} role="group" aria-label={t("viewer.mpr.slab")}>
      <SegmentedControl
        size="xs"
        aria-label={t("viewer.mpr.mode")}
        value={desk.slab.mode}
        onChange={(mode) => desk.setSlab({ ...desk.slab, mode: mode as typeof desk.slab.mode })}
        data={(["mip", "minip", "mean"] as const).map((value) => ({ value, label: t(`viewer.mpr.${value}`) }))}
      />
      <NumberInput
        size="xs"
        w={104}
        min={0}
        max={200}
        step={5}
        suffix=" mm"
        aria-label={t("viewer.mpr.thickness")}
        value={desk.slab.millimetres}
        onChange={(value) => typeof value === "number" && value >= 0 && value <= 200 && desk.setSlab({ ...desk.slab, millimetres: value })}
      />
    </div>
  );
}

function Cine() {
  const { t } = useTranslation("imaging");
  const desk = useDesk();
  return (
    <div className={classes.group} style={{ alignItems: "center" }}>
      <Act name={desk.cine ? t("viewer.cineStop") : t("viewer.cineStart")} icon={desk.cine ? IconPlayerPause : IconPlayerPlay} keys="o" pressed={desk.cine} onClick={() => desk.setCine(!desk.cine)} />
      {desk.cine && <NumberInput size="xs" w={92} min={1} max={60} suffix={` ${t("viewer.fps")}`} aria-label={t("viewer.fpsLabel")} value={desk.fps} onChange={(value) => typeof value === "number" && desk.setFps(value)} />}
    </div>
  );
}

interface ToolbarProps {
  series: readonly SeriesFacts[];
  panel: boolean;
  onPanel: () => void;
  onHelp: () => void;
}

export const Toolbar = memo(function Toolbar({ series, panel, onPanel, onHelp }: ToolbarProps) {
  const { t } = useTranslation("imaging");
  const desk = useChanging(useDesk());
  const { notebook, pane } = desk;
  useChanging(notebook);
  const drawn = useSelected(pane, ({ drawn }) => drawn !== undefined);
  const key = useSelected(pane, ({ drawn }) => drawn !== undefined && notebook.isKey(drawn));
  useSelected(pane, ({ invert, flipX, flipY }) => `${invert} ${flipX} ${flipY}`);
  const volume = desk.layout === "mpr";
  return (
    <div className={classes.tools} role="toolbar" aria-label={t("viewer.tools")}>
      <div className={classes.group}>
        {volume && <Act name={t("viewer.kinds.crosshair")} icon={IconCrosshair} keys="c" pressed={desk.tool === "crosshair"} onClick={() => desk.update({ tool: "crosshair" })} />}
        {TOOLS.map(([tool, icon, keys]) => (
          <Act key={tool} name={t(`viewer.kinds.${tool}`)} icon={icon} keys={keys} pressed={desk.tool === tool} onClick={() => desk.update({ tool })} />
        ))}
      </div>
      <div className={classes.group}>
        <Presets />
        <Act name={t("viewer.invert")} icon={IconContrast} keys="i" pressed={pane.invert} onClick={() => pane.view({ invert: !pane.invert })} />
        <Act name={t("viewer.rotate")} icon={IconRotateClockwise} keys="r" onClick={() => pane.turn(1)} />
        <Act name={t("viewer.flipHorizontal")} icon={IconFlipVertical} keys="h" pressed={pane.flipX} onClick={() => pane.view({ flipX: !pane.flipX })} />
        <Act name={t("viewer.flipVertical")} icon={IconFlipHorizontal} keys="v" pressed={pane.flipY} onClick={() => pane.view({ flipY: !pane.flipY })} />
        <Act name={t("viewer.reset")} icon={IconRefresh} keys="Escape" onClick={() => pane.reset()} />
      </div>
      <Cine />
      <div className={classes.group}>
        <Layouts series={series} />
        <Act name={t("viewer.mpr.name")} icon={IconBoxMultiple} keys="m" pressed={volume} onClick={() => (volume ? desk.leaveMpr() : desk.setLayout("mpr"))} />
        <Act name={t("viewer.linked")} icon={IconLink} keys="g" pressed={desk.linked} onClick={() => desk.update({ linked: !desk.linked })} />
        <Act name={t("viewer.lines")} icon={IconGridDots} keys="x" pressed={desk.lines} onClick={() => desk.update({ lines: !desk.lines })} />
        <Act name={t("viewer.overlay")} icon={IconLetterCase} keys="t" pressed={desk.overlay} onClick={() => desk.update({ overlay: !desk.overlay })} />
        <Act name={t("viewer.hide")} icon={IconEyeOff} keys="n" pressed={desk.hidden} onClick={() => desk.update({ hidden: !desk.hidden })} />
      </div>
      {volume && <SlabControls />}
      <div className={classes.group}>
        <Act name={t("viewer.keyImage")} icon={key ? IconStarFilled : IconStar} keys="k" pressed={key} disabled={!drawn || volume} onClick={() => pane.drawn && notebook.toggleKey(pane.drawn)} />
        <Act name={t("viewer.panel")} icon={IconLayoutSidebarRight} keys="f" pressed={panel} onClick={onPanel} />
        <Act name={t("viewer.help")} icon={IconKeyboard} keys="?" onClick={onHelp} />
      </div>
    </div>
  );
});
