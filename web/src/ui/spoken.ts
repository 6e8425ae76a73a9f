/** A DICOM person name (PS3.5 §6.2) as people write it, from its first component group that says something: family, given. Other text stays as it is. */
export function spoken(name: string): string {
  const [group = ""] = name.split("=").filter((one) => one.replaceAll("^", "").trim() !== "");
  const [family = "", given = "", middle = ""] = group.split("^").map((part) => part.trim());
  return [family, [given, middle].filter(Boolean).join(" ")].filter(Boolean).join(", ");
}
