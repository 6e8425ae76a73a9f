/**
 * A DICOM person name (PS3.5 §6.2) as people write it: family, given; with an ideographic group that first, as it is written, without blanks.
 * Other text stays as it is.
 */
export function spoken(name: string): string {
  const [alphabetic = "", ideographic = ""] = name.split("=").map((group) => group.split("^").map((part) => part.trim()).slice(0, 3));
  const [family = "", given = "", middle = ""] = alphabetic;
  const latin = [family, [given, middle].filter(Boolean).join(" ")].filter(Boolean).join(", ");
  const written = Array.isArray(ideographic) ? ideographic.filter(Boolean).join("") : "";
  if (written && latin && written !== latin) return `${written} (${latin})`;
  return written || latin;
}
