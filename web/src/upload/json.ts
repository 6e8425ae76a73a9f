// JSON by the places of its values, not by their meaning: what is sent on keeps its digits (`1.00` stays `1.00`).

export interface Span {
  from: number;
  to: number;
}

const DEPTH = 200;

function blank(text: string, at: number): number {
  while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  return at;
}

function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) i += 1;
    else if (code === 0x22) return i + 1;
  }
  throw new Error("a string does not end");
}

/** Behind the value that begins at `at`. The text was parsed before: this only counts brackets. */
export function valueEnd(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return stringEnd(text, at);
  if (first !== "{" && first !== "[") {
    while (at < text.length && !/[\s,\]}]/.test(text[at] ?? "")) at += 1;
    return at;
  }
  let depth = 0;
  for (let i = at; i < text.length; i += 1) {
    const char = text[i];
    if (char === '"') i = stringEnd(text, i) - 1;
    else if (char === "{" || char === "[") {
      depth += 1;
      if (depth > DEPTH) throw new Error("nested too deep");
    } else if (char === "}" || char === "]") {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
  }
  throw new Error("a value does not end");
}

/** The members of the object at `at`, by name. */
export function members(text: string, at: number): Map<string, Span> {
  const found = new Map<string, Span>();
  let i = blank(text, at + 1);
  while (i < text.length && text[i] === '"') {
    const end = stringEnd(text, i);
    const name = JSON.parse(text.slice(i, end)) as string;
    const from = blank(text, blank(text, end) + 1);
    const to = valueEnd(text, from);
    found.set(name, { from, to });
    i = blank(text, to);
    if (text[i] === ",") i = blank(text, i + 1);
  }
  return found;
}

/** The elements of the array at `at`. */
export function elements(text: string, at: number): Span[] {
  const found: Span[] = [];
  let i = blank(text, at + 1);
  while (i < text.length && text[i] !== "]") {
    const to = valueEnd(text, i);
    found.push({ from: i, to });
    i = blank(text, to);
    if (text[i] === ",") i = blank(text, i + 1);
  }
  return found;
}

/** The object that begins at the first `{` of a text. */
export function start(text: string): number {
  return blank(text, text.charCodeAt(0) === 0xfeff ? 1 : 0);
}
