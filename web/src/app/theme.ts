// The look: one ink, one accent, quiet surfaces. Components use Mantine's variables alone, so that all three schemes hold.
import { type CSSVariablesResolver, type MantineColorsTuple, createTheme } from "@mantine/core";

/** The accent: the blue-green of a lens's coating. Shade 7 on white and shade 4 on dark both pass 4.5 : 1. */
const lens: MantineColorsTuple = [
  "#e9f6f8",
  "#d3e9ee",
  "#a6d3dd",
  "#76bccb",
  "#50a9bc",
  "#2f93a9",
  "#1d7f96",
  "#0f6a80",
  "#0c5568",
  "#083f4e",
];

/** Neutral surfaces with a little of the accent in them. */
const dark: MantineColorsTuple = [
  "#d5dde0",
  "#b9c4c9",
  "#97a5ab",
  "#74848b",
  "#49585f",
  "#35434a",
  "#263238",
  "#1b252a",
  "#141c20",
  "#0d1316",
];

export const theme = createTheme({
  primaryColor: "lens",
  primaryShade: { light: 7, dark: 6 },
  colors: { lens, dark },
  autoContrast: true,
  luminanceThreshold: 0.32,
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily:
    'system-ui, "Segoe UI", Roboto, "Noto Sans", "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "SF Mono", "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "650" },
  components: {
    Tooltip: { defaultProps: { openDelay: 400, withinPortal: true } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.5 } } },
    ActionIcon: { defaultProps: { variant: "subtle" } },
    // a dialog's header is no banner of the page, and a menu holds items alone
    ModalHeader: { defaultProps: { component: "div" } },
    DrawerHeader: { defaultProps: { component: "div" } },
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    Select: { defaultProps: { allowDeselect: false, checkIconPosition: "right" } },
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f7f9fa",
    "--mantine-color-text": "#12262e",
    "--mantine-color-dimmed": "#52656d",
    "--mantine-color-placeholder": "#66777e",
    "--mantine-color-anchor": "#0c5568",
    "--mantine-color-error": "#b3261e",
    "--surface": "#ffffff",
    "--surface-sunken": "#eef2f4",
    "--line": "#d5dee2",
    "--mantine-color-default-border": "#c3ced3",
  },
  dark: {
    "--mantine-color-body": "#10171a",
    "--mantine-color-text": "#dbe4e7",
    "--mantine-color-dimmed": "#a3b2b8",
    "--mantine-color-placeholder": "#93a2a8",
    "--mantine-color-anchor": "#8fd3dc",
    "--mantine-color-error": "#ff9a92",
    "--mantine-color-lens-light": "rgba(80, 169, 188, 0.18)",
    "--mantine-color-lens-light-hover": "rgba(80, 169, 188, 0.24)",
    "--surface": "#182125",
    "--surface-sunken": "#0b1113",
    "--line": "#2d3a40",
  },
});
