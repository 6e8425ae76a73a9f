import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";

export const usersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/admin/users",
  component: lazyRouteComponent(() => import("./UsersPage.tsx"), "UsersPage"),
});

export const membersRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/admin/members",
  component: lazyRouteComponent(() => import("./MembersPage.tsx"), "MembersPage"),
});

export const devicesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/admin/devices",
  component: lazyRouteComponent(() => import("./DevicesPage.tsx"), "DevicesPage"),
});

export const tokensRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/admin/tokens",
  component: lazyRouteComponent(() => import("./TokensPage.tsx"), "TokensPage"),
});

export const adminRoutes = [usersRoute, membersRoute, devicesRoute, tokensRoute];
