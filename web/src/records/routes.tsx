import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";
import { validatePatient, validatePatients, validateResource } from "./search.ts";

export const patientsRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/patients",
  validateSearch: validatePatients,
  component: lazyRouteComponent(() => import("./PatientsPage.tsx"), "PatientsPage"),
});

export const patientRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/patients/$patient",
  validateSearch: validatePatient,
  component: lazyRouteComponent(() => import("./PatientPage.tsx"), "PatientPage"),
});

export const resourceRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/records/$type/$id",
  validateSearch: validateResource,
  component: lazyRouteComponent(() => import("./ResourcePage.tsx"), "ResourcePage"),
});

export const recordsRoutes = [patientsRoute, patientRoute, resourceRoute];
