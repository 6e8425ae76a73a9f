// Users, members, devices and tokens, as `/api` has them.
import { queryOptions } from "@tanstack/react-query";
import { askJson, sendJson } from "../api/http.ts";
import type { Role } from "../app/session.tsx";

export interface User {
  login: string;
  name: string;
  role: Role;
  patient?: string;
  operator: boolean;
  disabled: boolean;
  created: string;
  last_seen?: string;
}

export interface Member {
  id: string;
  name: string;
  own: boolean;
  timezone?: string;
  locale?: string;
}

export interface Device {
  ae: string;
  peer?: string | null;
  host?: string | null;
  port?: number | null;
  called?: string | null;
  last_seen?: string | null;
  last_outcome?: string | null;
}

export interface Token {
  id: string;
  agent: string;
  role: Role;
  created: string;
  expires: string;
  last_used?: string | null;
  session: boolean;
  own: boolean;
}

/** Roles that a user can have. */
export const USER_ROLES = ["clinician", "radiologist", "registrar", "administrator", "patient"] as const;
/** Roles that a script can have. */
export const TOKEN_ROLES = ["clinician", "radiologist", "registrar", "administrator"] as const;

const one = encodeURIComponent;

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: async ({ signal }) => (await askJson<{ users: User[] }>("/api/users", { signal })).users,
});

export interface NewUser {
  login: string;
  name: string;
  role: Role;
  patient?: string;
}

export const addUser = (user: NewUser) => sendJson<{ login: string; password?: string }>("POST", "/api/users", user);
export const changeUser = (login: string, change: { name?: string; role?: Role; disabled?: boolean; reset_password?: true }) =>
  sendJson<{ password?: string }>("PATCH", `/api/users/${one(login)}`, change);
export const removeUser = (login: string) => askJson<void>(`/api/users/${one(login)}`, { method: "DELETE" });

export const membersQuery = queryOptions({
  queryKey: ["members"],
  queryFn: async ({ signal }) => (await askJson<{ members: Member[] }>("/api/members", { signal })).members,
});

export interface NewMember {
  id: string;
  name: string;
  timezone?: string;
  locale?: string;
  administrator: { login: string; name: string };
}

export const addMember = (member: NewMember) => sendJson<{ id: string; password?: string }>("POST", "/api/members", member);
export const changeMember = (id: string, change: { name?: string; timezone?: string; locale?: string }) =>
  sendJson<unknown>("PATCH", `/api/members/${one(id)}`, change);

export const devicesQuery = queryOptions({
  queryKey: ["devices"],
  queryFn: async ({ signal }) => (await askJson<{ devices: Device[] }>("/api/devices", { signal })).devices,
});

export const addDevice = (device: { ae: string; peer?: string; host?: string; port?: number }) => sendJson<unknown>("POST", "/api/devices", device);
export const removeDevice = (ae: string) => askJson<void>(`/api/devices/${one(ae)}`, { method: "DELETE" });

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async ({ signal }) => (await askJson<{ tokens: Token[] }>("/api/tokens", { signal })).tokens,
});

export const addToken = (token: { name: string; role: Role; days: number }) => sendJson<{ id: string; token: string }>("POST", "/api/tokens", token);
export const removeToken = (id: string) => askJson<void>(`/api/tokens/${one(id)}`, { method: "DELETE" });

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
