import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { type SeriesFacts, hasPictures, rendered, seriesUrl } from "../dicom/api.ts";
import { useObjectUrl } from "../../ui/useObjectUrl.ts";
import classes from "./Viewer.module.css";

/** The address of a picture of the server, once it is near the screen. */
function usePicture(url: string, enabled: boolean): string | undefined {
  const { data } = useQuery({ queryKey: ["viewer", "thumbnail", url], queryFn: ({ signal }) => rendered(url, signal), enabled, staleTime: Infinity, retry: 1 });
  return useObjectUrl(data);
}

export function Thumbnail({ study, series }: { study: string; series: SeriesFacts }) {
  const { t } = useTranslation("imaging");
  const holder = useRef<HTMLSpanElement>(null);
  const [near, setNear] = useState(false);
  useEffect(() => {
    if (!holder.current || near) return;
    const observer = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && setNear(true), { rootMargin: "200px" });
    observer.observe(holder.current);
    return () => observer.disconnect();
  }, [near]);
  const address = usePicture(`${seriesUrl(study, series.uid)}/thumbnail`, near && hasPictures(series));
  return (
    <span ref={holder} style={{ display: "block" }}>
      {address ? <img className={classes.thumb} src={address} alt="" width={112} height={112} draggable={false} /> : <span className={`${classes.thumb} ${classes.noThumb}`}>{series.modality || t("viewer.noPicturesShort")}</span>}
    </span>
  );
}
