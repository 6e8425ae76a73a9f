import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "./app.ts";

export type Member = Schemas["MemberSummary"];

/** The members of the network: whoever adds or renames one says that this is no longer true. */
export const membersQuery = queryOptions({
  queryKey: ["members"],
  queryFn: async ({ signal }) => (await api("get", "/api/members", { signal })).members,
  staleTime: 60_000,
});
