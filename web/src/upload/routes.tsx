import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";

export const uploadRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/upload",
  component: lazyRouteComponent(() => import("./UploadPage.tsx"), "UploadPage"),
});

export const uploadRoutes = [uploadRoute];
