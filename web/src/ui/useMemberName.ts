import { useQuery } from "@tanstack/react-query";
import { api } from "../api/app.ts";
import { useSession } from "../app/session.tsx";

/** The name of a member by its id; the id itself until it is known. */
export function useMemberName(): (id: string) => string {
  const session = useSession();
  const { data } = useQuery({
    queryKey: ["members", "names"],
    queryFn: ({ signal }) => api("get", "/api/members", { signal }),
    enabled: session.user !== null,
    staleTime: 60_000,
  });
  return (id) => (id === session.member.id ? session.member.name : (data?.members.find((member) => member.id === id)?.name ?? id));
}
