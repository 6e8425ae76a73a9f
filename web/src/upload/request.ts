// A request whose progress is seen: `fetch` does not tell how much of a body has gone.
import { authorization, Problem, problemOf } from "../api/http.ts";

export interface Sent {
  status: number;
  text: string;
}

const SILENT = 120_000;

/** Sends a body. Rejects with a `Problem` of status 0 where the network failed, and with an `AbortError` where `signal` said so. */
export function send(path: string, body: Blob, headers: Record<string, string>, signal: AbortSignal, progress: (sent: number) => void): Promise<Sent> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new DOMException("", "AbortError"));
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries({ ...headers, ...authorization() })) request.setRequestHeader(name, value);
    // a connection that died without a word is given up when nothing moves any more
    let alive = Date.now();
    const watch = setInterval(() => {
      if (Date.now() - alive > SILENT) request.abort();
    }, 5_000);
    const abort = () => request.abort();
    signal.addEventListener("abort", abort);
    const end = () => {
      clearInterval(watch);
      signal.removeEventListener("abort", abort);
    };
    request.upload.onprogress = (event) => {
      alive = Date.now();
      progress(event.loaded);
    };
    request.onload = () => {
      end();
      resolve({ status: request.status, text: request.responseText });
    };
    const lost = () => {
      end();
      reject(signal.aborted ? new DOMException("", "AbortError") : new Problem(0, "offline", ""));
    };
    request.onerror = lost;
    request.onabort = lost;
    request.send(body);
  });
}

export function problemOfSent(sent: Sent): Promise<Problem> {
  const status = sent.status >= 200 && sent.status <= 599 ? sent.status : 500;
  return problemOf(new Response(sent.text, { status }));
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Resolves when the server answers again: waits for the browser to say so where it knows, and asks `/healthz`. */
export async function reachable(): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const longest = Math.min(15_000, 1000 * 2 ** attempt);
    const wait = longest * (0.5 + Math.random() / 2);
    await Promise.race([
      pause(wait),
      new Promise((resolve) => window.addEventListener("online", resolve, { once: true })),
    ]);
    if (!navigator.onLine) continue;
    try {
      const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(8_000) });
      if (answer.ok) return;
    } catch {
      // still away
    }
  }
}
