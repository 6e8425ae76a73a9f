// `/api` by its description: paths, parameters, bodies and answers are types that `npm run codegen` makes of openapi.json.
import { askJson } from "./http.ts";
import type { components, paths } from "./schema.d.ts";

export type Schemas = components["schemas"];
type Method = "get" | "post" | "put" | "patch" | "delete";
type Operation<P extends keyof paths, M extends Method> = Exclude<paths[P][M], undefined>;
type PathsWith<M extends Method> = { [P in keyof paths]: [Operation<P, M>] extends [never] ? never : P }[keyof paths];
type JsonOf<R> = R extends { content: { "application/json": infer T } } ? T : undefined;
type Answers<O> = O extends { responses: infer R } ? R : never;
type Answer<O> = { [S in keyof Answers<O>]: S extends 200 | 201 | 202 | 204 ? JsonOf<Answers<O>[S]> : never }[keyof Answers<O>];
type Part<O, K extends string> = O extends { parameters: { [key in K]: infer T } } ? T : undefined;
type Body<O> = O extends { requestBody: { content: { "application/json": infer T } } } ? T : undefined;

interface Asked<O> {
  path?: Part<O, "path">;
  query?: O extends { parameters: { query?: infer T } } ? T : undefined;
  body?: Body<O>;
  signal?: AbortSignal;
}

/** Asks one door of `/api`; throws a `Problem` where the server refuses. */
export function api<M extends Method, P extends PathsWith<M>>(
  method: M,
  path: P,
  asked: Asked<Operation<P, M>> = {},
): Promise<Answer<Operation<P, M>>> {
  const inPath = (asked.path ?? {}) as Record<string, string>;
  const filled = String(path).replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(inPath[name] ?? ""));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((asked.query ?? {}) as Record<string, unknown>))
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  const search = query.size > 0 ? `?${query}` : "";
  const body = asked.body === undefined ? {} : { body: JSON.stringify(asked.body), headers: { "Content-Type": "application/json" } };
  return askJson(filled + search, { method: method.toUpperCase(), ...body, ...(asked.signal ? { signal: asked.signal } : {}) });
}
