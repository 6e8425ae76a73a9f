// Who is signed in, as what, and what that allows.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { Problem, askJson, linkToken, sendJson } from "../api/http.ts";

export type Role = "administrator" | "clinician" | "radiologist" | "registrar" | "patient" | "guest" | "device";
export type Can = "read" | "search" | "write" | "store" | "share" | "reconcile" | "audit" | "administer";

export interface Session {
  user: { login: string; name: string } | null;
  member: { id: string; name: string; timezone: string; locale: string };
  role: Role;
  /** The Patient that a patient signed in as. */
  patient?: string;
  operator: boolean;
  memberships: { member: string; name: string; role: Role }[];
  can: Can[];
  preferences: Record<string, unknown>;
  expires: string;
  demo: boolean;
  version: string;
}

export const sessionQuery = {
  queryKey: ["session"],
  queryFn: async (): Promise<Session | null> => {
    try {
      return await askJson<Session>("/api/session");
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
    await sendJson("POST", "/api/session", { member });
    client.clear();
    location.assign("/");
  };
}

export async function signOut() {
  await askJson("/api/session", { method: "DELETE" }).catch(() => undefined);
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
    await sendJson("PUT", "/api/preferences", preferences);
  };
}
