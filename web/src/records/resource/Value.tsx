// Any value of FHIR by its shape: what a type has a usual form for is shown in it, everything else element by element.
import { Anchor, Button, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useFormat } from "../../app/format.ts";
import { decimal, humanName, quantity, target, textOf } from "../fhir/read.ts";
import type { Attachment, CodeableConcept, Coding, HumanName, Identifier, Period, Quantity, Reference } from "../fhir/types.ts";
import { useCode, useElementName, useTypeName } from "../words.ts";
import { AttachmentView } from "./Attachment.tsx";
import classes from "./Details.module.css";
import { narrativeText } from "./json.ts";

type Fields = Record<string, unknown>;

const only = (value: Fields, allowed: string[]) => Object.keys(value).every((key) => allowed.includes(key) || key === "id" || key === "extension" || key.startsWith("_"));
const string = (value: unknown): value is string => typeof value === "string";
/** Longer text is folded. */
const LONG = 600;
/** Of a list. */
const SHOWN = 50;
const DEPTH = 12;

export function Words({ text }: { text: string }) {
  const { t } = useTranslation("records");
  const [all, setAll] = useState(false);
  return (
    <>
      <bdi className={classes.words}>{all ? text : text.slice(0, LONG)}</bdi>
      {text.length > LONG && (
        <Button variant="subtle" size="compact-xs" onClick={() => setAll(!all)} aria-expanded={all}>
          {all ? t("fewer") : t("wholeText", { count: text.length })}
        </Button>
      )}
    </>
  );
}

export function ReferenceLink({ reference }: { reference: Reference & { identifier?: Identifier } }) {
  const typeName = useTypeName();
  const to = target(reference);
  const words = reference.display || reference.identifier?.value || reference.reference || "—";
  const local = to && (!/^[a-z]+:/i.test(reference.reference ?? "") || (reference.reference ?? "").startsWith(`${location.origin}/fhir/`));
  if (!local) return <Words text={words} />;
  return (
    <>
      <Anchor component={Link} to={to.type === "Patient" ? `/patients/${to.id}` : `/records/${to.type}/${to.id}`} size="sm" style={{ overflowWrap: "anywhere" }}>
        <bdi>{words.slice(0, 300)}</bdi>
      </Anchor>
      <Text span c="dimmed" size="xs">
        {" "}
        {typeName(to.type)}
      </Text>
    </>
  );
}

function useWords() {
  const { i18n } = useTranslation("records");
  const format = useFormat();
  const code = useCode();
  /** The value as one line where its shape has one; null where it has none. */
  return (name: string, value: unknown): string | null => {
    if (string(value)) {
      if (/^\d{4}-\d{2}-\d{2}T/.test(value)) return format.time(value);
      if (/^\d{4}-\d{2}(-\d{2})?$/.test(value)) return format.date(value);
      if (/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(value) && /value|factor|price|amount|dose/i.test(name)) return decimal(i18n.language, value);
      return /status|intent|use|gender|priority|criticality|severity|mode|kind|type|category/i.test(name) ? code(value) : value;
    }
    if (typeof value === "number") return decimal(i18n.language, value);
    if (!value || typeof value !== "object" || Array.isArray(value)) return null;
    const v = value as Fields;
    if (only(v, ["coding", "text"]) && (v.coding || v.text)) return concept(v as CodeableConcept);
    if (only(v, ["system", "version", "code", "display", "userSelected"]) && (v.code || v.display)) return concept({ coding: [v as Coding] });
    if (only(v, ["value", "comparator", "unit", "system", "code"]) && v.value !== undefined && (v.unit || v.code)) return quantity(i18n.language, v as Quantity);
    if (only(v, ["start", "end"]) && (v.start || v.end)) {
      const { start, end } = v as Period;
      return `${start ? format.time(start) : "…"} – ${end ? format.time(end) : "…"}`;
    }
    if (only(v, ["low", "high"]) && (v.low || v.high)) return `${quantity(i18n.language, v.low as Quantity) || "…"} – ${quantity(i18n.language, v.high as Quantity) || "…"}`;
    if (only(v, ["numerator", "denominator"])) return `${quantity(i18n.language, v.numerator as Quantity)} / ${quantity(i18n.language, v.denominator as Quantity)}`;
    if (only(v, ["use", "text", "family", "given", "prefix", "suffix", "period"]) && (v.family || v.given || v.text)) return withUse(humanName(v as HumanName), v.use);
    if (only(v, ["use", "type", "text", "line", "city", "district", "state", "postalCode", "country", "period"]) && (v.line || v.city || v.country || v.postalCode))
      return withUse(string(v.text) ? v.text : [...((v.line as string[] | undefined) ?? []), v.district, [v.postalCode, v.city].filter(Boolean).join(" "), v.state, v.country].filter(Boolean).join(", "), v.use);
    if (only(v, ["use", "type", "system", "value", "period", "assigner"]) && string(v.value) && string(v.system) && /^(phone|fax|email|pager|url|sms|other)$/.test(v.system)) return withUse(v.value, v.use);
    if (only(v, ["use", "type", "system", "value", "period", "assigner", "rank"]) && string(v.value)) {
      const identifier = v as Identifier;
      return [textOf(identifier.type), identifier.value, identifier.system ? `(${identifier.system})` : ""].filter(Boolean).join(" ");
    }
    return null;
  };
  function withUse(words: string, use: unknown): string {
    return string(use) ? `${words} (${code(use)})` : words;
  }
  function concept(value: CodeableConcept): string {
    const words = textOf(value);
    const codes = (value.coding ?? []).map((coding) => coding.code).filter((one): one is string => Boolean(one) && one !== words);
    return codes.length ? `${words} [${codes.join(", ")}]` : words;
  }
}

export function Value({ name, value, depth = 0 }: { name: string; value: unknown; depth?: number }) {
  const { t } = useTranslation("records");
  const words = useWords();
  const [all, setAll] = useState(false);
  if (value === null || value === undefined) return <>—</>;
  if (typeof value === "boolean") return <>{t(value ? "yes" : "no")}</>;
  if (Array.isArray(value)) {
    const shown = all ? value : value.slice(0, SHOWN);
    if (value.length === 1) return <Value name={name} value={value[0]} depth={depth} />;
    return (
      <>
        <ul className={classes.items}>
          {shown.map((inner: unknown, index) => (
            <li key={index}>
              <Value name={name} value={inner} depth={depth + 1} />
            </li>
          ))}
        </ul>
        {value.length > SHOWN && (
          <Button variant="subtle" size="compact-xs" onClick={() => setAll(!all)}>
            {all ? t("fewer") : t("all", { count: value.length })}
          </Button>
        )}
      </>
    );
  }
  const line = words(name, value);
  if (line !== null) return <Words text={line} />;
  const fields = value as Fields;
  if (string(fields.reference) || (only(fields, ["reference", "display", "type", "identifier"]) && fields.display)) return <ReferenceLink reference={fields as Reference} />;
  if (string(fields.div)) return <Words text={narrativeText(fields.div)} />;
  if (string(fields.contentType) || string(fields.data)) return <AttachmentView attachment={fields as Attachment} />;
  if (string(fields.url) && (name === "extension" || name === "modifierExtension")) return <Extension fields={fields} depth={depth} />;
  if (depth >= DEPTH) return <Words text={JSON.stringify(value)} />;
  return <Elements fields={fields} depth={depth + 1} />;
}

function Extension({ fields, depth }: { fields: Fields; depth: number }) {
  const url = String(fields.url);
  const rest = Object.fromEntries(Object.entries(fields).filter(([key]) => key !== "url"));
  const [key] = Object.keys(rest);
  const simple = Object.keys(rest).length === 1 && key?.startsWith("value");
  return (
    <div>
      <Text span size="xs" c="dimmed" title={url.slice(0, 500)}>
        {url.split(/[/#|]/).pop()?.slice(0, 80)}:{" "}
      </Text>
      {simple && key ? <Value name={key} value={rest[key]} depth={depth + 1} /> : <Elements fields={rest} depth={depth + 1} />}
    </div>
  );
}

/** The elements of something, each with its label. */
export function Elements({ fields, depth = 0, skip = [] }: { fields: Fields; depth?: number; skip?: string[] }) {
  const elementName = useElementName();
  const shown = Object.entries(fields).filter(([key, value]) => !skip.includes(key) && !key.startsWith("_") && value !== undefined);
  return (
    <dl className={depth === 0 ? classes.elements : classes.inner}>
      {shown.map(([key, value]) => {
        const { label, known } = elementName(key);
        return (
          <div key={key} className={classes.element}>
            <dt lang={known ? undefined : "en"}>{label}</dt>
            <dd>
              <Value name={key} value={value} depth={depth} />
            </dd>
          </div>
        );
      })}
    </dl>
  );
}
