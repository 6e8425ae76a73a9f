import { queryOptions } from "@tanstack/react-query";
import { askJson, sendJson } from "../api/http.ts";

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: ({ signal }) => askJson<{ needed: boolean }>("/api/setup", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export interface SetupRequest {
  secret: string;
  id: string;
  name: string;
  timezone: string;
  locale: string;
  owner: { login: string; name: string; password: string };
  sample: boolean;
}

/** Also signs the owner in: the answer brings the session's cookie. */
export const setUp = (request: SetupRequest) => sendJson<{ member: string; role: string }>("POST", "/api/setup", request);
