import { encode } from "uqr";

/** A QR code as one path: black on white in every colour scheme, since cameras need it so. */
export function QrCode({ value, title, description, size = 208 }: { value: string; title: string; description: string; size?: number }) {
  const { data, size: modules } = encode(value, { ecc: "M", border: 4 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
  return (
    <svg role="img" aria-labelledby="qr-title qr-desc" viewBox={`0 0 ${modules} ${modules}`} width={size} height={size} shapeRendering="crispEdges" style={{ maxWidth: "100%", height: "auto" }}>
      <title id="qr-title">{title}</title>
      <desc id="qr-desc">{description}</desc>
      <rect width={modules} height={modules} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
