import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute, shellRoute } from "../app/root.tsx";

export const sharingRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/sharing",
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
