// JSON as it is stored, laid out for reading: digits and order of members stay as they were written.

/** Lays JSON out with two spaces a level. Text that is no JSON comes back as it is. */
export function indent(text: string): string {
  const out: string[] = [];
  let depth = 0;
  let at = 0;
  const line = () => out.push("\n", "  ".repeat(depth));
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') {
      let end = at + 1;
      while (end < text.length && text.charAt(end) !== '"') end += text.charAt(end) === "\\" ? 2 : 1;
      out.push(text.slice(at, end + 1));
      at = end + 1;
    } else if (char === "{" || char === "[") {
      const close = /^[{[]\s*[}\]]/.exec(text.slice(at, at + 64))?.[0];
      if (close) {
        out.push(char, char === "{" ? "}" : "]");
        at += close.length;
      } else {
        depth += 1;
        out.push(char);
        line();
        at += 1;
      }
    } else if (char === "}" || char === "]") {
      depth = Math.max(0, depth - 1);
      line();
      out.push(char);
      at += 1;
    } else if (char === ",") {
      out.push(char);
      line();
      at += 1;
    } else if (char === ":") {
      out.push(": ");
      at += 1;
    } else if (/\s/.test(char)) at += 1;
    else {
      const run = /^[^\s"{}[\],:]+/.exec(text.slice(at, at + 400))?.[0] ?? char;
      out.push(run);
      at += run.length;
    }
  }
  return out.join("");
}

export interface Member {
  /** The first line: `"code": {`. */
  head: string;
  /** The lines below it; empty where it is one line. */
  body: string;
}

/** The members of the outermost object of what `indent` laid out. */
export function membersOf(laidOut: string): Member[] {
  const members: Member[] = [];
  let lines: string[] = [];
  const close = () => {
    const [head, ...body] = lines;
    if (head !== undefined) members.push({ head, body: body.join("\n") });
    lines = [];
  };
  for (const line of laidOut.split("\n").slice(1, -1)) {
    if (/^ {2}"/.test(line)) close();
    lines.push(line);
  }
  close();
  return members;
}

export interface Change {
  /** `name[0].given[1]`, as steps. */
  path: (string | number)[];
  before?: string;
  after?: string;
}

type Leaf = [path: (string | number)[], value: string];
/** More leaves than this are not compared. */
const LEAVES = 20_000;

function leaves(value: unknown, path: (string | number)[], out: Leaf[]) {
  if (out.length > LEAVES) return;
  if (Array.isArray(value)) value.forEach((inner, index) => leaves(inner, [...path, index], out));
  else if (value && typeof value === "object") for (const [key, inner] of Object.entries(value)) leaves(inner, [...path, key], out);
  else out.push([path, value === null ? "null" : String(value)]);
}

/** What differs between two versions, element by element, in the order of the later. The server's own `meta` is no change. */
export function differences(before: Record<string, unknown>, after: Record<string, unknown>): Change[] {
  const of = (resource: Record<string, unknown>) => {
    const out: Leaf[] = [];
    leaves({ ...resource, meta: { ...(resource.meta as object | undefined), versionId: undefined, lastUpdated: undefined } }, [], out);
    return new Map(out.filter(([, value]) => value !== "undefined").map(([path, value]) => [JSON.stringify(path), { path, value }]));
  };
  const [old, now] = [of(before), of(after)];
  const changes: Change[] = [];
  for (const [key, { path, value }] of now) {
    const was = old.get(key)?.value;
    if (was !== value) changes.push({ path, before: was, after: value });
  }
  for (const [key, { path, value }] of old) if (!now.has(key)) changes.push({ path, before: value });
  return changes;
}

/** The words of a narrative: XHTML is read where nothing runs and nothing loads, and only its text is taken. */
export function narrativeText(div: string): string {
  const parsed = new DOMParser().parseFromString(div.slice(0, 2_000_000), "text/html");
  for (const drop of parsed.querySelectorAll("script, style, head, template")) drop.remove();
  for (const block of parsed.querySelectorAll("p, div, li, tr, br, h1, h2, h3, h4, h5, h6, table")) block.append("\n");
  for (const cell of parsed.querySelectorAll("td, th")) cell.append("\t");
  return (parsed.body.textContent ?? "").replace(/[ \u00a0]+/g, " ").replace(/\n\s*\n+/g, "\n").trim();
}
