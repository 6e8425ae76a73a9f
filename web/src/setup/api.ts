import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "../api/app.ts";

export const setupQuery = queryOptions({
  queryKey: ["setup"],
  queryFn: ({ signal }) => api("get", "/api/setup", { signal }),
  staleTime: Number.POSITIVE_INFINITY,
});

export type SetupRequest = Schemas["SetupRequest"];

/** Also signs the owner in: the answer brings the session's cookie. */
export const setUp = (request: SetupRequest) => api("post", "/api/setup", { body: request });
