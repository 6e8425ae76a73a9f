// DICOM JSON (PS3.18 Annex F), read without trust: what is not of the expected shape is absent.

export interface Element {
  vr: string;
  Value?: unknown[];
  InlineBinary?: string;
  BulkDataURI?: string;
}

export type Attributes = Record<string, Element | undefined>;

export function text(from: Attributes | undefined, tag: string): string {
  const value = from?.[tag]?.Value?.[0];
  return typeof value === "string" ? value.trim() : typeof value === "number" ? String(value) : "";
}

export function texts(from: Attributes | undefined, tag: string): string[] {
  return (from?.[tag]?.Value ?? []).filter((value) => typeof value === "string").map((value) => value.trim());
}

/** DS and IS may come as numbers or as their text. */
export function numbers(from: Attributes | undefined, tag: string): number[] {
  return (from?.[tag]?.Value ?? [])
    .map((value) => (typeof value === "string" && value.trim() !== "" ? Number(value) : value))
    .filter((value): value is number => typeof value === "number" && Number.isFinite(value));
}

export function number(from: Attributes | undefined, tag: string): number | undefined {
  return numbers(from, tag)[0];
}

export function items(from: Attributes | undefined, tag: string): Attributes[] {
  return (from?.[tag]?.Value ?? []).filter((value): value is Attributes => typeof value === "object" && value !== null);
}

/** A person's name as people write it; the first group that is there. */
export function person(from: Attributes | undefined, tag: string): string {
  const value = from?.[tag]?.Value?.[0];
  const groups = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : { Alphabetic: value };
  const said = [groups.Alphabetic, groups.Ideographic, groups.Phonetic].find((group) => typeof group === "string" && group !== "");
  if (typeof said !== "string") return "";
  const [family = "", given = "", middle = "", prefix = "", suffix = ""] = said.split("^").map((part) => part.trim());
  const rest = [prefix, given, middle].filter(Boolean).join(" ");
  return [[family, rest].filter(Boolean).join(", "), suffix].filter(Boolean).join(" ");
}

/** Bytes that came inline. */
export function inline(from: Attributes | undefined, tag: string): Uint8Array | undefined {
  const coded = from?.[tag]?.InlineBinary;
  if (typeof coded !== "string") return undefined;
  try {
    return Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}
