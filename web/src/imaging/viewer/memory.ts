const MIB = 1 << 20;

/** Bytes that pictures and volumes may take: chosen in the preferences, or by what the device has. */
export function memoryLimit(preferences: Record<string, unknown>): number {
  const viewer = preferences.viewer as { memory?: unknown } | undefined;
  const chosen = viewer?.memory;
  if (typeof chosen === "number" && chosen >= 64 && chosen <= 4096) return chosen * MIB;
  const device = (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
  return (device >= 8 ? 768 : device >= 4 ? 512 : 256) * MIB;
}
