import { IconPhotoScan } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { ask, linkToken } from "../../api/http.ts";

/** The server's small picture of a study; an icon where there is none. */
export function Thumbnail({ study, size = 64 }: { study: string; size?: number }) {
  const path = `/dicom-web/studies/${encodeURIComponent(study)}/thumbnail?viewport=${size * 2},${size * 2}`;
  // a link's token is no cookie: the picture is fetched with it
  const byLink = linkToken() !== null;
  const [source, setSource] = useState(byLink ? null : path);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    if (!byLink) return;
    let url: string | null = null;
    let left = false;
    ask(path)
      .then((response) => response.blob())
      .then((blob) => {
        if (left) return;
        url = URL.createObjectURL(blob);
        setSource(url);
      })
      .catch(() => setFailed(true));
    return () => {
      left = true;
      if (url) URL.revokeObjectURL(url);
    };
  }, [path, byLink]);
  return (
    <span
      style={{ display: "inline-grid", placeItems: "center", flex: "none", width: size, height: size, overflow: "hidden", background: "#000", color: "#9aa", borderRadius: "var(--mantine-radius-sm)" }}
    >
      {source && !failed ? (
        <img src={source} alt="" loading="lazy" decoding="async" width={size} height={size} style={{ objectFit: "contain" }} onError={() => setFailed(true)} />
      ) : (
        <IconPhotoScan size={size / 2.6} stroke={1.4} aria-hidden />
      )}
    </span>
  );
}
