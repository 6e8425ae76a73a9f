// Users, members, devices and tokens, as `/api` has them.
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "../api/app.ts";
import type { Role } from "../app/session.tsx";

/** The description calls a role text; these are the ones there are. */
type WithRole<T> = Omit<T, "role"> & { role: Role };
export type User = WithRole<Schemas["UserSummary"]>;
export type Device = Schemas["ListedDevice"];
export type Token = WithRole<Schemas["TokenSummary"]>;
export type NewUser = WithRole<Schemas["NewUser"]>;
export type NewMember = Schemas["MemberRequest"];

/** Roles that a user can have. */
export const USER_ROLES = ["clinician", "radiologist", "registrar", "administrator", "patient"] as const;
/** Roles that a script can have. */
export const TOKEN_ROLES = ["clinician", "radiologist", "registrar", "administrator"] as const;

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: async ({ signal }) => (await api("get", "/api/users", { signal })).users as User[],
});

export const addUser = (user: NewUser) => api("post", "/api/users", { body: user });
export const changeUser = (login: string, change: Schemas["MembershipChange"]) => api("patch", "/api/users/{login}", { path: { login }, body: change });
export const removeUser = (login: string) => api("delete", "/api/users/{login}", { path: { login } });

export const addMember = (member: NewMember) => api("post", "/api/members", { body: member });
export const changeMember = (id: string, change: Schemas["MemberChange"]) => api("patch", "/api/members/{id}", { path: { id }, body: change });

export const devicesQuery = queryOptions({
  queryKey: ["devices"],
  queryFn: async ({ signal }) => (await api("get", "/api/devices", { signal })).devices,
});

export const addDevice = (device: Schemas["DeviceRequest"]) => api("post", "/api/devices", { body: device });
export const removeDevice = (ae: string) => api("delete", "/api/devices/{ae}", { path: { ae } });

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) => (await api("get", "/api/tokens", { signal })).tokens as Token[],
});

export const addToken = (token: WithRole<Schemas["TokenRequest"]>) => api("post", "/api/tokens", { body: token });
export const removeToken = (id: string) => api("delete", "/api/tokens/{id}", { path: { id } });

/** What a login may be: 1 to 64 of a-z, 0-9 and ._@- */
export const fitsLogin = (text: string) => /^[a-z0-9._@-]{1,64}$/.test(text);
/** What a member's id may be. */
export const fitsMemberId = (text: string) => /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);
/** What an AE title may be (PS3.5 §6.2): 1 to 16 printable characters without backslash, none of them lost at the ends. */
export const fitsAe = (text: string) => /^[\x21-\x5b\x5d-\x7e]([\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?$/.test(text);

const SPELLED: Record<string, string> = { ä: "ae", ö: "oe", ü: "ue", ß: "ss", æ: "ae", ø: "o", å: "a", ł: "l" };

/** An id made of a name: small letters, digits and hyphens. Empty where the name has none of them. */
export function idOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[äöüßæøåł]/g, (letter) => SPELLED[letter] ?? "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
}
