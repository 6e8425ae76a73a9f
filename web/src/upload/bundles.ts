// FHIR files become requests that can be repeated: nothing is stored twice, nothing that is here is overwritten.
//
// A resource is sent as PUT to its own id (or to one that is made up here, once) with If-None-Match: *, so that the server answers 412 where it
// is here already. Entries that say otherwise themselves (PATCH, DELETE, conditional ones) go as they are.
import { elements, members, start } from "./json.ts";
import type { FhirPart, FhirRequest } from "./types.ts";

const TYPE = /^[A-Z][A-Za-z]{1,63}$/;
const ID = /^[A-Za-z0-9.-]{1,64}$/;
const UUID = /^urn:uuid:([0-9a-fA-F-]{36})$/;

interface Entry {
  fullUrl?: unknown;
  resource?: { resourceType?: unknown; id?: unknown };
  request?: { method?: unknown; url?: unknown; ifNoneExist?: unknown; ifMatch?: unknown; ifNoneMatch?: unknown };
}

/** The text of a resource with that id in it; every other byte as it was. */
function withId(text: string, id: string): string {
  const at = start(text);
  const span = members(text, at).get("id");
  const value = JSON.stringify(id);
  return span ? text.slice(0, span.from) + value + text.slice(span.to) : `${text.slice(0, at + 1)}"id":${value},${text.slice(at + 1)}`;
}

/** `{request, resource}` that creates the resource once, or null where it is none. */
function creation(text: string, parsed: Entry["resource"], fullUrl: unknown, makeId: () => string): string | null {
  const type = parsed?.resourceType;
  if (typeof type !== "string" || !TYPE.test(type)) return null;
  const own = typeof parsed?.id === "string" && ID.test(parsed.id) ? parsed.id : undefined;
  const uuid = typeof fullUrl === "string" ? UUID.exec(fullUrl)?.[1]?.toLowerCase() : undefined;
  const id = uuid ?? own ?? makeId();
  const resource = own === id ? text : withId(text, id);
  const full = typeof fullUrl === "string" ? `"fullUrl":${JSON.stringify(fullUrl)},` : "";
  return `{${full}"request":{"method":"PUT","url":"${type}/${id}","ifNoneMatch":"*"},"resource":${resource}}`;
}

function bundle(whole: boolean, entries: string[]): FhirRequest {
  const head = `{"resourceType":"Bundle","type":"${whole ? "transaction" : "batch"}","entry":[`;
  return { body: new Blob([head, entries.join(","), "]}"], { type: "application/fhir+json" }), entries: entries.length, whole };
}

/** A file with one resource or one Bundle. */
export function fromDocument(text: string, makeId: () => string): FhirPart {
  let parsed: { resourceType?: unknown; type?: unknown; entry?: unknown; id?: unknown };
  try {
    parsed = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) as typeof parsed;
  } catch {
    return { request: null, next: null, problem: "jsonBroken" };
  }
  if (typeof parsed !== "object" || parsed === null || typeof parsed.resourceType !== "string") return { request: null, next: null, problem: "notFhir" };
  const at = start(text);
  if (parsed.resourceType !== "Bundle") {
    const entry = creation(text.slice(at), parsed, undefined, makeId);
    return entry ? { request: bundle(false, [entry]), next: null } : { request: null, next: null, problem: "notFhir" };
  }
  const list = Array.isArray(parsed.entry) ? (parsed.entry as Entry[]) : [];
  const span = members(text, at).get("entry");
  if (!span || list.length === 0) return { request: null, next: null, problem: "notFhir" };
  const isRequest = parsed.type === "transaction" || parsed.type === "batch";
  const texts = elements(text, span.from).flatMap((place, index) => {
    const entry = list[index];
    if (typeof entry !== "object" || entry === null) return [];
    const raw = text.slice(place.from, place.to);
    const { request } = entry;
    const plainPost = request?.method === "POST" && request.ifNoneExist === undefined && typeof request.url === "string" && TYPE.test(request.url);
    if (isRequest && !plainPost) return [raw];
    const resource = members(raw, 0).get("resource");
    const made = resource && creation(raw.slice(resource.from, resource.to), entry.resource, entry.fullUrl, makeId);
    return made ? [made] : isRequest ? [raw] : [];
  });
  if (texts.length === 0) return { request: null, next: null, problem: "notFhir" };
  // references by urn:uuid are resolved within a transaction alone
  const whole = parsed.type === "transaction" || (!isRequest && text.includes('"urn:uuid:'));
  return { request: bundle(whole, texts), next: null };
}

/** Lines of a newline-delimited file as one batch. Lines that are no resource count as refused by the server: they are sent as they are not. */
export function fromLines(lines: string[], makeId: () => string): { request: FhirRequest | null; broken: number } {
  const entries: string[] = [];
  let broken = 0;
  for (const line of lines) {
    const text = line.trim().replace(/^\ufeff/, "");
    if (text === "") continue;
    let made: string | null = null;
    try {
      made = creation(text, JSON.parse(text) as Entry["resource"], undefined, makeId);
    } catch {
      made = null;
    }
    if (made) entries.push(made);
    else broken += 1;
  }
  return { request: entries.length > 0 ? bundle(false, entries) : null, broken };
}
