import { useQuery } from "@tanstack/react-query";
import { membersQuery } from "../api/members.ts";
import { useSession } from "../app/session.tsx";

/** The name of a member by its id; the id itself until it is known. */
export function useMemberName(): (id: string) => string {
  const session = useSession();
  const { data } = useQuery({ ...membersQuery, enabled: session.user !== null });
  return (id) => (id === session.member.id ? session.member.name : (data?.find((member) => member.id === id)?.name ?? id));
}
