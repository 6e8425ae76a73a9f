// The real binary as a process, on free ports and a folder of its own.
import { spawn } from "node:child_process";
import { createWriteStream, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BINARY, folder } from "./place.mjs";

const READY_MS = 120_000;

/** `lenticular demo` (its sample network in `sample`), or `serve` on an empty folder. */
export async function start(name, { command = "demo", settings = {}, data = join(folder("data"), name), keep = false, http = "127.0.0.1:0" } = {}) {
  if (!keep) rmSync(data, { recursive: true, force: true });
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("LENTICULAR__")));
  const all = { "http.listen": http, "dimse.listen": "127.0.0.1:0", ...settings };
  const args = [command, "--data", data, ...(command === "demo" ? ["--json"] : [])];
  for (const [key, value] of Object.entries(all)) args.push("--set", `${key}=${value}`);
  const child = spawn(BINARY, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const log = createWriteStream(join(folder("logs"), `${name}.log`));
  const said = [];
  child.stderr.on("data", (bytes) => {
    log.write(bytes);
    said.push(String(bytes));
  });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const server = { data, child, said, sample: null, url: "", dimse: "" };
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ready line within ${READY_MS} ms`)), READY_MS);
    child.once("error", reject);
    ended.then((code) => reject(new Error(`the server ended with ${code} before it was ready:\n${said.join("")}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (line.startsWith("{")) server.sample = JSON.parse(line);
      if (!line.startsWith("ready ")) return;
      const at = Object.fromEntries(line.split(" ").slice(1).map((part) => part.split("=")));
      server.url = `http://${at.http}`;
      server.dimse = at.dimse ?? "";
      clearTimeout(timer);
      resolve();
    });
  }).catch((error) => {
    // nobody will stop it, and node would wait for it
    child.kill("SIGKILL");
    throw error;
  });
  server.stop = async () => {
    child.kill("SIGTERM");
    return ended;
  };
  /** No goodbye: what was acknowledged must be there all the same. */
  server.kill = async () => {
    child.kill("SIGKILL");
    return ended;
  };
  /** A user of the sample network with this role at this member. */
  server.user = (role, member) => {
    const found = server.sample?.users.find((user) => user.role === role && (!member || user.member === member));
    if (!found) throw new Error(`the sample network has no ${role} at ${member}`);
    return found;
  };
  return server;
}

/** What the server answers to a bearer token. */
export async function ask(server, token, path, init = {}) {
  const response = await fetch(server.url + path, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`${init.method ?? "GET"} ${path}: ${response.status} ${await response.text()}`);
  return response;
}

/** Stores DICOM files (Part 10 bytes) by STOW-RS, a few at a time. */
export async function stow(server, token, files) {
  for (let at = 0; at < files.length; at += 20) {
    const boundary = "lenticular-browser-tests";
    const parts = files.slice(at, at + 20).flatMap((bytes) => [
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      bytes,
      Buffer.from("\r\n"),
    ]);
    await ask(server, token, "/dicom-web/studies", {
      method: "POST",
      headers: { "Content-Type": `multipart/related; type="application/dicom"; boundary=${boundary}`, Accept: "application/dicom+json" },
      body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    });
  }
}
