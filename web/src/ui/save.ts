/** Long enough for a browser to begin with a file of any size, in milliseconds. */
const KEPT = 60_000;

/** Hands a file to the browser to save. */
export function saveFile(blob: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT);
}
