import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute, signedInRoute } from "../app/root.tsx";
import { validateStudies } from "./studies/search.ts";
import { validateViewer } from "./viewer/search.ts";

export const studiesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/studies",
  validateSearch: validateStudies,
  component: lazyRouteComponent(() => import("./StudiesPage.tsx"), "StudiesPage"),
});

/** The viewer: the whole window is the pictures'. */
export const viewerRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: "/studies/$study",
  validateSearch: validateViewer,
  component: lazyRouteComponent(() => import("./ViewerPage.tsx"), "ViewerPage"),
});

export const imagingRoutes = [studiesRoute];
export const viewerRoutes = [viewerRoute];
