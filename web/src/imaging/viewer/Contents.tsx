// Series without pictures: what they are, in words, and what can be done with them.
import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { Bidi } from "../../ui/Bidi.tsx";
import { failed } from "../../ui/notify.ts";
import { bulk, instanceFile } from "../dicom/api.ts";
import { type Attributes, inline, items, person, text } from "../dicom/attributes.ts";
import { isVideo } from "../dicom/images.ts";
import classes from "./Contents.module.css";
import { saveFile } from "../../ui/save.ts";

type Kind = "pdf" | "document" | "report" | "keys" | "presentation" | "video" | "none";

const MOST = 100;
const MOST_LINES = 1500;
const DEEPEST = 12;

function kindOf(instance: Attributes): Kind {
  if (isVideo(instance)) return "video";
  if (instance["00420011"]) return text(instance, "00420012") === "application/pdf" ? "pdf" : "document";
  const modality = text(instance, "00080060");
  if (modality === "KO") return "keys";
  if (modality === "PR") return "presentation";
  return instance["0040A730"] ? "report" : "none";
}

const EXTENSIONS: Record<string, string> = { "application/pdf": "pdf", "text/xml": "xml", "application/xml": "xml", "model/stl": "stl", "text/plain": "txt" };

function Download({ instance }: { instance: Attributes }) {
  const { t } = useTranslation("imaging");
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const element = instance["00420011"];
      const type = EXTENSIONS[text(instance, "00420012")] ? text(instance, "00420012") : "application/octet-stream";
      const here = inline(instance, "00420011");
      const length = Number(text(instance, "00420015")) || undefined;
      const bytes = here ? new Blob([here.slice(0, length) as BlobPart]) : element?.BulkDataURI ? await bulk(element.BulkDataURI) : await instanceFile(text(instance, "0020000D"), text(instance, "0020000E"), text(instance, "00080018"));
      const name = `${(text(instance, "00420010") || text(instance, "0008103E") || text(instance, "00080060")).replace(/[^\p{L}\p{N} ._-]/gu, "_").slice(0, 80) || "file"}.${element ? (EXTENSIONS[type] ?? "bin") : "dcm"}`;
      saveFile(new Blob([length ? bytes.slice(0, length) : bytes], { type: element ? type : "application/dicom" }), name);
    } catch (error) {
      failed(t("viewer.contents.downloadFailed"), error instanceof Error ? error.message : "");
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button size="xs" variant="default" loading={busy} leftSection={<IconDownload size={15} aria-hidden />} onClick={() => void save()}>
      {t("viewer.contents.download")}
    </Button>
  );
}

/** Value of a content item (PS3.3 §C.17.3). */
function useValue() {
  const format = useFormat();
  return (item: Attributes): string => {
    const [measured] = items(item, "0040A300");
    const [coded] = items(item, "0040A168");
    const [unit] = items(measured, "004008EA");
    if (measured) return `${text(measured, "0040A30A")} ${text(unit, "00080104") || text(unit, "00080100")}`.trim();
    if (coded) return text(coded, "00080104") || text(coded, "00080100");
    const date = text(item, "0040A121") || text(item, "0040A120").slice(0, 8);
    const time = text(item, "0040A122") || text(item, "0040A120").slice(8, 14);
    return text(item, "0040A160") || person(item, "0040A123") || (date ? format.dicom(date, time || undefined) : time) || text(item, "0040A124");
  };
}

function Tree({ of, depth, left }: { of: Attributes[]; depth: number; left: { lines: number } }) {
  const value = useValue();
  if (depth > DEEPEST) return null;
  return (
    <ul className={classes.tree}>
      {of.map((item, at) => {
        if (left.lines <= 0) return null;
        left.lines -= 1;
        const inner = items(item, "0040A730");
        const said = value(item);
        return (
          <li key={at}>
            <strong>
              <Bidi>{text(items(item, "0040A043")[0], "00080104") || text(item, "0040A040")}</Bidi>
            </strong>{" "}
            {said && <Bidi>{said.slice(0, 5000)}</Bidi>}
            {inner.length > 0 && <Tree of={inner} depth={depth + 1} left={left} />}
          </li>
        );
      })}
    </ul>
  );
}

function One({ instance }: { instance: Attributes }) {
  const { t } = useTranslation("imaging");
  const kind = kindOf(instance);
  const content = items(instance, "0040A730");
  const title = text(items(instance, "0040A043")[0], "00080104") || text(instance, "00420010") || text(instance, "0008103E");
  return (
    <section className={classes.one} data-contents={kind}>
      {title && (
        <h2>
          <Bidi lines={2}>{title.slice(0, 300)}</Bidi>
        </h2>
      )}
      <p>{t(`viewer.contents.${kind}`)}</p>
      {content.length > 0 && <Tree of={content} depth={0} left={{ lines: MOST_LINES }} />}
      <Download instance={instance} />
    </section>
  );
}

export function Contents({ instances }: { instances: readonly Attributes[] }) {
  const { t } = useTranslation("imaging");
  const holder = useRef<HTMLDivElement>(null);
  // here a wheel and a finger scroll the text, and no picture under it
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const gone = new AbortController();
    for (const type of ["wheel", "pointerdown", "pointermove", "dblclick"]) element.addEventListener(type, (event) => event.stopPropagation(), { signal: gone.signal, passive: true });
    return () => gone.abort();
  }, []);
  return (
    <div ref={holder} className={classes.contents} data-testid="contents">
      {instances.length === 0 && <p>{t("viewer.noPictures")}</p>}
      {instances.slice(0, MOST).map((instance) => (
        <One key={text(instance, "00080018")} instance={instance} />
      ))}
    </div>
  );
}
