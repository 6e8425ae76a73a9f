// Who is signed in, as what, and what that allows.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { api, type Schemas } from "../api/app.ts";
import { linkToken, Problem } from "../api/http.ts";

export type Role = "administrator" | "clinician" | "radiologist" | "registrar" | "patient" | "guest" | "device";
export type Can = "read" | "search" | "write" | "store" | "share" | "reconcile" | "audit" | "administer";

type Described = Omit<Schemas["Session"], "role" | "can" | "memberships" | "preferences">;
export interface Session extends Described {
  role: Role;
  can: Can[];
  memberships: (Omit<Schemas["SessionMembership"], "role"> & { role: Role })[];
  preferences: Record<string, unknown>;
}

export const sessionQuery = {
  queryKey: ["session"],
  queryFn: async (): Promise<Session | null> => {
    try {
      return (await api("get", "/api/session")) as Session;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: 60_000,
  refetchOnWindowFocus: true,
} as const;

const SessionContext = createContext<Session | null>(null);
export const SessionProvider = SessionContext.Provider;

/** The session of the page that is shown; pages below the shell always have one. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("a page below the shell has a session");
  return session;
}

export function useSessionQuery() {
  return useQuery(sessionQuery);
}

export function useCan(action: Can): boolean {
  return useSession().can.includes(action);
}

/** Leaves for the login page, which comes back to where we were. */
export function goToLogin() {
  if (linkToken()) return;
  const next = location.pathname + location.search;
  location.assign(`/login?next=${encodeURIComponent(next)}`);
}

/** Switches the member that the session acts for: everything on screen belonged to the other. */
export function useSwitchMember() {
  const client = useQueryClient();
  return async (member: string) => {
    await api("post", "/api/session", { body: { member } });
    client.clear();
    location.assign("/");
  };
}

export async function signOut() {
  await api("delete", "/api/session").catch(() => undefined);
  location.assign("/login");
}

/** Preferences are one JSON object for each user; a key is a folder's name. */
export function useSavePreference() {
  const client = useQueryClient();
  return async (key: string, value: unknown) => {
    const session = client.getQueryData<Session | null>(sessionQuery.queryKey);
    if (!session?.user) return;
    const preferences = { ...session.preferences, [key]: value };
    client.setQueryData(sessionQuery.queryKey, { ...session, preferences });
    await api("put", "/api/preferences", { body: preferences });
  };
}
