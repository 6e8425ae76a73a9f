// Files within records: pictures are shown as pictures, everything else is a file to keep. Markup is never opened here.
import { Button, Group, Image, Stack, Text } from "@mantine/core";
import { IconDownload, IconEye } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { failed } from "../../ui/notify.ts";
import { useProblemWords } from "../../ui/Problem.tsx";
import { askFhir } from "../api.ts";
import { target } from "../fhir/read.ts";
import type { Attachment, Resource } from "../fhir/types.ts";
import { saveFile } from "../../ui/save.ts";

const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"]);
const KEPT = new Set([...PICTURES, "application/pdf", "text/plain", "application/dicom", "image/tiff", "audio/mpeg", "video/mp4"]);
const ENDINGS: Record<string, string> = { "application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "text/plain": ".txt", "image/gif": ".gif", "image/webp": ".webp" };

/** A name that is safe to save by: no paths, no control or direction marks. */
export function fileName(title: string | undefined, type: string): string {
  const clean = (title ?? "")
    .replace(/[\p{Cc}\p{Cf}\\/:*?"<>|]+/gu, " ")
    .replace(/^[.\s]+|[.\s]+$/g, "")
    .slice(0, 120);
  const ending = ENDINGS[type] ?? "";
  return `${clean || "attachment"}${ending && !clean.toLowerCase().endsWith(ending) ? ending : ""}`;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const binary = atob(base64.replace(/\s+/g, ""));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}

async function load(attachment: Attachment): Promise<Blob | null> {
  const type = attachment.contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  // whatever could run in a browser is saved as bytes
  const media = KEPT.has(type) ? type : "application/octet-stream";
  if (attachment.data) return new Blob([bytesOf(attachment.data)], { type: media });
  const binary = target({ reference: attachment.url });
  if (!binary || binary.type !== "Binary") return null;
  const resource = await askFhir<Resource & { data?: string }>(`Binary/${binary.id}`);
  return new Blob([bytesOf(resource.data ?? "")], { type: media });
}

export function AttachmentView({ attachment }: { attachment: Attachment }) {
  const { t } = useTranslation("records");
  const format = useFormat();
  const words = useProblemWords();
  const [shown, setShown] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => () => void (shown && URL.revokeObjectURL(shown)), [shown]);
  const type = attachment.contentType?.split(";")[0]?.trim().toLowerCase() ?? "";
  const here = Boolean(attachment.data) || target({ reference: attachment.url })?.type === "Binary";
  const size = Number(attachment.size ?? (attachment.data ? Math.floor((attachment.data.length * 3) / 4) : NaN));

  async function use(how: "show" | "save") {
    setBusy(true);
    try {
      const blob = await load(attachment);
      if (!blob) return;
      if (how === "show") return setShown(URL.createObjectURL(blob));
      saveFile(blob, fileName(attachment.title, type));
    } catch (error) {
      const { title, todo } = words(error);
      failed(title, todo);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Stack gap={6}>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        <bdi>{(attachment.title ?? attachment.url ?? t("attachment")).slice(0, 500)}</bdi>
        <Text span c="dimmed" size="xs">
          {[type, Number.isFinite(size) ? format.bytes(size) : "", attachment.creation ? format.time(attachment.creation) : ""].filter(Boolean).map((one) => ` · ${one.slice(0, 100)}`)}
        </Text>
      </Text>
      {here && (
        <Group gap="xs">
          {PICTURES.has(type) && !shown && (
            <Button size="compact-sm" variant="default" loading={busy} leftSection={<IconEye size={14} aria-hidden />} onClick={() => void use("show")}>
              {t("showPicture")}
            </Button>
          )}
          <Button size="compact-sm" variant="default" loading={busy} leftSection={<IconDownload size={14} aria-hidden />} onClick={() => void use("save")}>
            {t("download")}
          </Button>
        </Group>
      )}
      {shown && <Image src={shown} alt={(attachment.title ?? t("attachment")).slice(0, 200)} maw={640} mah={640} fit="contain" />}
    </Stack>
  );
}
