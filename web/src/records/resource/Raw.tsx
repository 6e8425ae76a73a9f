import { Button, CopyButton, Group, Stack } from "@mantine/core";
import { IconCheck, IconCopy, IconDownload } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import classes from "./Details.module.css";
import { indent, type Member, membersOf } from "./json.ts";
import { saveFile } from "../../ui/save.ts";

/** A member with more than this is closed at first, and not laid out before it is opened. */
const LARGE = 4_000;

export function Raw({ text, name }: { text: string; name: string }) {
  const { t } = useTranslation("records");
  const { t: ui } = useTranslation("ui");
  const members = useMemo(() => membersOf(indent(text)), [text]);
  const save = () => saveFile(new Blob([text], { type: "application/octet-stream" }), `${name}.json`);
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <CopyButton value={text} timeout={2000}>
          {({ copied, copy }) => (
            <Button variant="default" size="xs" leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />} onClick={copy}>
              {copied ? ui("copied") : ui("copy")}
            </Button>
          )}
        </CopyButton>
        <Button variant="default" size="xs" leftSection={<IconDownload size={14} aria-hidden />} onClick={save}>
          {t("download")}
        </Button>
      </Group>
      <div className={`card ${classes.json}`} translate="no" dir="ltr" tabIndex={0} role="region" aria-label="JSON">
        <pre>{"{"}</pre>
        {members.map((member, index) => (
          <Folded key={index} member={member} />
        ))}
        <pre>{"}"}</pre>
      </div>
    </Stack>
  );
}

function Folded({ member }: { member: Member }) {
  const [open, setOpen] = useState(member.body.length < LARGE);
  if (!member.body) return <pre>{member.head}</pre>;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{member.head}</summary>
      {open && <pre>{member.body}</pre>}
    </details>
  );
}
