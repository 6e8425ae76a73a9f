const MIB = 1 << 20;
/** What can be chosen in the settings, in MiB. */
const LEAST_MB = 64;
const MOST_MB = 8192;

/** Bytes that pictures and volumes may take: chosen in the preferences, or by what the device has. */
export function memoryLimit(preferences: Record<string, unknown>): number {
  const chosen = preferences.viewerMemoryMb;
  if (typeof chosen === "number" && chosen >= LEAST_MB && chosen <= MOST_MB) return chosen * MIB;
  const device = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return (device >= 8 ? 768 : device >= 4 ? 512 : 256) * MIB;
}
