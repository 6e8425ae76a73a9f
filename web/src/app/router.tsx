import { createRouter } from "@tanstack/react-router";
import { adminRoutes } from "../admin/routes.tsx";
import { auditRoutes } from "../audit/routes.tsx";
import { homeRoutes } from "../home/routes.tsx";
import { imagingRoutes, viewerRoutes } from "../imaging/routes.tsx";
import { recordsRoutes } from "../records/routes.tsx";
import { settingsRoutes } from "../settings/routes.tsx";
import { setupRoutes } from "../setup/routes.tsx";
import { linkRoutes, sharingRoutes } from "../sharing/routes.tsx";
import { systemRoutes } from "../system/routes.tsx";
import { trayRoutes } from "../tray/routes.tsx";
import { uploadRoutes } from "../upload/routes.tsx";
import { Loading } from "../ui/Loading.tsx";
import { rootRoute, shellRoute, signedInRoute } from "./root.tsx";

const routeTree = rootRoute.addChildren([
  ...setupRoutes,
  ...linkRoutes,
  signedInRoute.addChildren([
    ...viewerRoutes,
    shellRoute.addChildren([
      ...homeRoutes,
      ...recordsRoutes,
      ...imagingRoutes,
      ...uploadRoutes,
      ...sharingRoutes,
      ...trayRoutes,
      ...adminRoutes,
      ...auditRoutes,
      ...systemRoutes,
      ...settingsRoutes,
    ]),
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPendingComponent: () => <Loading />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
