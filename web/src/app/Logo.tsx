/** Two lenses, one in the other: the cloud and what is seen through it. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden focusable="false">
      <path d="M2 16c4.8-6 9.4-8.6 14-8.6S25.2 10 30 16c-4.8 6-9.4 8.6-14 8.6S6.8 22 2 16z" fill="none" stroke="currentColor" strokeWidth="2" />
      <path d="M8.6 16c2.7-2.9 5.2-4.1 7.4-4.1s4.7 1.2 7.4 4.1c-2.7 2.9-5.2 4.1-7.4 4.1S11.3 18.9 8.6 16z" fill="var(--mantine-color-anchor)" />
    </svg>
  );
}
