import { createRoute, lazyRouteComponent } from "@tanstack/react-router";
import { shellRoute } from "../app/root.tsx";
import { ACTIONS, type AuditSearch, OUTCOMES } from "./api.ts";

const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value).trim().slice(0, 256) || undefined : undefined);
const day = (value: unknown) => (typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : undefined);

export const auditRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/audit",
  validateSearch: (search: Record<string, unknown>): AuditSearch => {
    const found: AuditSearch = {
      patient: text(search.patient)?.replace(/^Patient\//, ""),
      user: text(search.user),
      action: ACTIONS.find((action) => action === search.action),
      outcome: OUTCOMES.find((outcome) => outcome === String(search.outcome)),
      kind: text(search.kind),
      id: text(search.id),
      from: day(search.from),
      to: day(search.to),
    };
    return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as AuditSearch;
  },
  component: lazyRouteComponent(() => import("./AuditPage.tsx"), "AuditPage"),
});

export const auditRoutes = [auditRoute];
