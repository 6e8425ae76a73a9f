import { ActionIcon, Skeleton, Text } from "@mantine/core";
import { IconPhotoOff, IconZoomIn, IconZoomOut } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useObjectUrl } from "../ui/useObjectUrl.ts";
import { pictureQuery, type Which } from "./api.ts";
import classes from "./tray.module.css";

/** The first frame of one of the two versions; both zoom together. */
export function Picture({ id, which, zoomed, zoom }: { id: string; which: Which; zoomed: boolean; zoom: () => void }) {
  const { t } = useTranslation("tray");
  const picture = useQuery(pictureQuery(id, which));
  const url = useObjectUrl(picture.data);
  const label = t(zoomed ? "zoomOut" : "zoomIn");
  return (
    <div style={{ position: "relative" }}>
      <div className={`${classes.picture} ${zoomed ? classes.zoomed : ""}`} tabIndex={zoomed ? 0 : undefined} role={zoomed ? "group" : undefined} aria-label={zoomed ? t(`pictures.${which}`) : undefined}>
        {picture.isPending && <Skeleton height="100%" radius={0} />}
        {picture.error && (
          <div style={{ textAlign: "center" }}>
            <IconPhotoOff size={28} aria-hidden />
            <Text size="sm">{t("noPicture")}</Text>
          </div>
        )}
        {url && <img src={url} alt={t(`pictures.${which}`)} draggable={false} />}
      </div>
      {url && (
        <ActionIcon variant="filled" color="dark" size="lg" aria-label={label} aria-pressed={zoomed} onClick={zoom} style={{ position: "absolute", insetInlineEnd: 8, bottom: 8 }}>
          {zoomed ? <IconZoomOut size={18} aria-hidden /> : <IconZoomIn size={18} aria-hidden />}
        </ActionIcon>
      )}
    </div>
  );
}
