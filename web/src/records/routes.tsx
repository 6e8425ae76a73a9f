import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";

export const patientsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/patients",
  component: lazyRouteComponent(() => import("./PatientsPage.tsx"), "PatientsPage"),
});

export const patientRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/patients/$patient",
  component: lazyRouteComponent(() => import("./PatientPage.tsx"), "PatientPage"),
});

export const resourceRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/records/$type/$id",
  component: lazyRouteComponent(() => import("./ResourcePage.tsx"), "ResourcePage"),
});

export const recordsRoutes = [patientsRoute, patientRoute, resourceRoute];
