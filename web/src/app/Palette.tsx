// Everything by typing: patients, studies, members, places, actions. A combobox with its list (WAI-ARIA APG) in a dialog.
import { IconSearch } from "@tabler/icons-react";
import { type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useProblemWords } from "../ui/Problem.tsx";
import classes from "./Palette.module.css";
import type { Entry } from "./palette/entries.ts";
import { remember } from "./palette/recent.ts";
import { usePalette } from "./palette/usePalette.ts";

export default function Palette({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const words = useProblemWords();
  const id = useId();
  const [text, setText] = useState("");
  const [composing, setComposing] = useState(false);
  const [chosen, setChosen] = useState<string | null>(null);
  const dialogRef = useRef<HTMLDialogElement>(null);
  const inputRef = useRef<HTMLInputElement>(null);
  const { groups, pending, failed } = usePalette(text, composing);
  const entries = groups.flatMap((group) => group.entries.map((entry) => ({ entry, key: `${group.kind}/${entry.key}` })));
  const found = entries.findIndex((one) => one.key === chosen);
  const active = found < 0 ? 0 : found;
  const activeKey = entries[active]?.key;
  const optionId = (key: string) => `${id}-${key.replace(/[^\w-]/g, "_")}`;

  // the browser's own modal: above everything, the rest inert, and the focus goes back when it closes
  useLayoutEffect(() => {
    const dialog = dialogRef.current;
    dialog?.showModal();
    inputRef.current?.focus();
    return () => dialog?.close();
  }, []);

  useEffect(() => {
    if (activeKey) document.getElementById(optionId(activeKey))?.scrollIntoView({ block: "nearest" });
  }, [activeKey]);

  function choose(entry: Entry) {
    if (entry.recent) remember(entry.recent);
    close();
    entry.act();
  }

  function onKeyDown(event: KeyboardEvent<HTMLInputElement>) {
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    const last = entries.length - 1;
    const to: Record<string, number> = {
      ArrowDown: active >= last ? 0 : active + 1,
      ArrowUp: active <= 0 ? last : active - 1,
      PageDown: Math.min(last, active + 8),
      PageUp: Math.max(0, active - 8),
    };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setChosen(entries[next]?.key ?? null);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const entry = entries[active]?.entry;
      if (entry) choose(entry);
    }
  }

  const nothing = text.trim() !== "" && !pending && entries.length === 0;
  return (
    <dialog
      ref={dialogRef}
      role="dialog"
      aria-modal="true"
      aria-label={t("palette.open")}
      className={classes.dialog}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onMouseDown={(event) => event.target === event.currentTarget && close()}
    >
      <div className={classes.content}>
        <div className={classes.field}>
          <IconSearch size={20} aria-hidden />
          <input
            ref={inputRef}
            role="combobox"
            aria-label={t("palette.open")}
            aria-expanded={entries.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={activeKey ? optionId(activeKey) : undefined}
            autoComplete="off"
            spellCheck={false}
            dir="auto"
            maxLength={200}
            className={classes.input}
            placeholder={t("palette.placeholder")}
            value={text}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setChosen(null);
            }}
            onCompositionStart={() => setComposing(true)}
            onCompositionEnd={() => setComposing(false)}
            onKeyDown={onKeyDown}
          />
          <button type="button" className={classes.escape} onClick={close}>
            Esc<span className="visually-hidden">, {t("close")}</span>
          </button>
        </div>
        <div id={`${id}-list`} role="listbox" aria-label={t("palette.results")} aria-busy={pending} tabIndex={-1} className={classes.list}>
          {groups.map((group) => (
            <div key={group.kind} role="group" aria-labelledby={`${id}-${group.kind}`}>
              <div id={`${id}-${group.kind}`} className={classes.group}>
                {t(`palette.groups.${group.kind}`)}
              </div>
              {group.entries.map((entry) => {
                const key = `${group.kind}/${entry.key}`;
                return (
                  <div
                    key={key}
                    id={optionId(key)}
                    role="option"
                    aria-selected={key === activeKey}
                    className={classes.option}
                    onPointerMove={() => setChosen(key)}
                    onMouseDown={(event) => event.preventDefault()}
                    onClick={() => choose(entry)}
                  >
                    <entry.icon size={18} stroke={1.6} aria-hidden />
                    <span className={classes.label}>
                      <bdi>{entry.label.slice(0, 200)}</bdi>
                    </span>
                    {entry.detail && (
                      <span className={classes.detail}>
                        <bdi>{entry.detail.slice(0, 200)}</bdi>
                      </span>
                    )}
                  </div>
                );
              })}
            </div>
          ))}
        </div>
        <div role="status" className={nothing || failed ? classes.status : "visually-hidden"}>
          {failed ? `${words(failed).title}. ${words(failed).todo}` : nothing ? t("palette.nothing") : pending ? "" : t("palette.count", { count: entries.length })}
        </div>
        <div className={classes.keys} aria-hidden>
          <span>
            <kbd>↑</kbd> <kbd>↓</kbd> {t("palette.move")}
          </span>
          <span>
            <kbd>↵</kbd> {t("palette.choose")}
          </span>
          <span>
            <kbd>Esc</kbd> {t("close")}
          </span>
        </div>
      </div>
    </dialog>
  );
}
