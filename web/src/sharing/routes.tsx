import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute, shellRoute } from "../app/root.tsx";

export interface SharingSearch {
  /** Which list: what was given, or what was received. */
  tab?: "incoming";
  q?: string;
}

export const sharingRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/sharing",
  validateSearch: (search: Record<string, unknown>): SharingSearch => ({
    tab: search.tab === "incoming" ? "incoming" : undefined,
    q: typeof search.q === "string" && search.q !== "" ? search.q.slice(0, 200) : undefined,
  }),
  component: lazyRouteComponent(() => import("./SharingPage.tsx"), "SharingPage"),
});

/** Where a share by link leads: `/link#TOKEN`. */
export const linkRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/link",
  component: lazyRouteComponent(() => import("./LinkPage.tsx"), "LinkPage"),
});

export const sharingRoutes = [sharingRoute];
export const linkRoutes = [linkRoute];
