import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";

export const systemRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/system",
  component: lazyRouteComponent(() => import("./SystemPage.tsx"), "SystemPage"),
});

export const systemRoutes = [systemRoute];
