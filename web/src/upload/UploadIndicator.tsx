import { IconCheck, IconPlugConnectedX, IconUpload } from "@tabler/icons-react";
import { Link, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useUpload } from "./store.ts";
import classes from "./upload.module.css";

/** Says in the shell how far an upload is, wherever one walks about. */
export function UploadIndicator() {
  const { t } = useTranslation("upload", { useSuspense: false });
  const snapshot = useUpload();
  const here = useRouterState({ select: (state) => state.location.pathname === "/upload" });
  if (here || (snapshot.files === 0 && !snapshot.running)) return null;
  const percent = snapshot.bytes > 0 ? Math.min(99, Math.floor((snapshot.sent / snapshot.bytes) * 100)) : 0;
  const words = snapshot.halted ? t("indicator.waiting") : snapshot.running ? t("indicator.running", { percent }) : t("indicator.finished");
  return (
    <Link to="/upload" className={classes.indicator} aria-label={words} title={words}>
      {snapshot.halted ? <IconPlugConnectedX size={16} aria-hidden /> : snapshot.running ? <IconUpload size={16} aria-hidden /> : <IconCheck size={16} aria-hidden />}
      {snapshot.running && <span aria-hidden>{percent} %</span>}
    </Link>
  );
}
