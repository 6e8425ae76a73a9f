// What the server says of itself, and what may be changed there.
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "../api/app.ts";

export type Job = Schemas["Job"];
export type SystemReport = Schemas["System"];

export const LOG_LEVELS = ["error", "warn", "info", "debug", "trace"] as const;

export const isOver = (job: Job) => job.state === "done" || job.state === "failed";

/** Asked again every second while something runs, else every ten. */
export const systemQuery = queryOptions({
  queryKey: ["system"],
  queryFn: ({ signal }) => api("get", "/api/system", { signal }),
  refetchInterval: (query) => (query.state.data?.jobs.some((job) => !isOver(job)) ? 1_000 : 10_000),
});

export const setLogLevel = (level: string) => api("put", "/api/system/log", { body: { level } });

export const resetDemo = () => api("post", "/api/demo/reset");

/** Waits until the server went away and is back, or was never away for that long. */
export async function waitForRestart(limit = 120_000): Promise<boolean> {
  const end = Date.now() + limit;
  const settled = Date.now() + 8_000;
  let away = false;
  let well = 0;
  while (Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 700));
    const ok = await fetch("/readyz", { cache: "no-store" }).then((answer) => answer.ok, () => false);
    if (!ok) {
      away = true;
      well = 0;
    } else if (away || Date.now() > settled) {
      well += 1;
      if (well >= 2) return true;
    }
  }
  return false;
}

/** Where devices call: port and AE title of our DICOM listener, and whether only this machine reaches it. */
export function dicomListener(report: SystemReport | undefined): { port: string; ae: string; local: boolean } | null {
  const found = report?.listeners.find((listener) => /dimse|dicom(?!web)/i.test(listener.name));
  if (!found || found.address === "off" || found.address === "") return null;
  const port = /:(\d+)$/.exec(found.address)?.[1] ?? found.address;
  const detail = found.detail ?? "";
  const ae = /AE(?: title)?[\s:=]+([^\s,;]{1,16})/i.exec(detail)?.[1] ?? (/^[A-Z0-9_-]{1,16}$/.test(detail) ? detail : "LENTICULAR");
  return { port, ae, local: /^(127\.|\[::1\]|localhost)/.test(found.address) };
}
