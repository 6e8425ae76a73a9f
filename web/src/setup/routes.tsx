import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { rootRoute } from "../app/root.tsx";

/** The first start: `/setup#SECRET`. */
export const setupRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/setup",
  component: lazyRouteComponent(() => import("./SetupPage.tsx"), "SetupPage"),
});

export const setupRoutes = [setupRoute];
