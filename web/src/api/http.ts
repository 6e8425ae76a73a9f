// One way to ask the server: the session's cookie, or the token of the link that this tab was opened with.

/** What went wrong, in words for people. */
export class Problem extends Error {
  override readonly name = "Problem";
  /** `status` 0: the network was away. `code` is the server's stable name for it. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  /** Whether asking again can help. */
  get retry(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 502;
  }
}

const LINK = "lenticular.link";

/** The token of a share by link, held by this tab alone. */
export function linkToken(): string | null {
  try {
    return sessionStorage.getItem(LINK);
  } catch {
    return null;
  }
}

export function keepLinkToken(token: string | null) {
  try {
    if (token === null) sessionStorage.removeItem(LINK);
    else sessionStorage.setItem(LINK, token);
  } catch {
    // storage is closed: the link works until the page is left
  }
}

/** The headers that say who asks; for loaders that cannot use `ask`. */
export function authorization(): Record<string, string> {
  const token = linkToken();
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** `fetch` that throws a `Problem` where the server refuses or cannot be reached. Only paths of this server. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(authorization())) headers.set(name, value);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: "same-origin" });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem(0, "offline", "");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

export async function askJson<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await ask(path, init);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** Sends JSON and reads JSON. */
export function sendJson<T>(method: string, path: string, body: unknown, media = "application/json"): Promise<T> {
  return askJson<T>(path, { method, body: JSON.stringify(body), headers: { "Content-Type": media } });
}

/** Reads `{error, message}` of `/api` and OperationOutcome of `/fhir`. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as {
      error?: string;
      message?: string;
      issue?: { code?: string; diagnostics?: string; details?: { text?: string } }[];
    };
    if (body.issue?.[0]) {
      const [first] = body.issue;
      return new Problem(response.status, first.code ?? "", first.details?.text ?? first.diagnostics ?? "");
    }
    return new Problem(response.status, body.error ?? "", body.message ?? "");
  } catch {
    return new Problem(response.status, "", text.slice(0, 300));
  }
}
