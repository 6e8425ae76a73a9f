import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";

export const trayRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/tray",
  validateSearch: (search: Record<string, unknown>): { q?: string } => ({
    q: typeof search.q === "string" && search.q !== "" ? search.q.slice(0, 200) : undefined,
  }),
  component: lazyRouteComponent(() => import("./TrayPage.tsx"), "TrayPage"),
});

export const conflictRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/tray/$conflict",
  component: lazyRouteComponent(() => import("./ConflictPage.tsx"), "ConflictPage"),
});

export const trayRoutes = [trayRoute, conflictRoute];
