// The network goes away in the middle, the server dies, the session ends: it is said, it goes on, and nothing is there twice.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { open, signIn, visit } from "./lib/browser.mjs";
import { network } from "./lib/network.mjs";
import { phantom, uids } from "./lib/phantom.mjs";
import { BINARY } from "./lib/place.mjs";
import { ask, start } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const say = speaker("en");
const MIB = 2 ** 20;
const SLICES = 120;
const A = "hospital-a";
let server;
let browser;
let token;

before(async () => {
  phantom(77, SLICES);
  [server, browser] = await Promise.all([start("offline"), open()]);
  token = server.sample.tokens.find(({ org }) => org === A).token;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const json = async (path) => (await ask(server, token, path, { headers: { Accept: "application/dicom+json, application/json" } })).json();
const conflicts = async () => (await json("/api/conflicts")).conflicts.length;

/** The UIDs that the server has of a study, as any client is told. */
async function instances(study) {
  const response = await fetch(`${server.url}/dicom-web/studies/${study}/instances?limit=5000`, { headers: { Authorization: `Bearer ${token}` } });
  return response.ok ? (await response.json()).map((item) => item["00080018"].Value[0]) : [];
}

/** Until `condition` is true of what `look` sees; its last sight where it never was. */
async function until(look, condition, milliseconds = 30_000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const seen = await look();
    if (condition(seen)) return seen;
    assert.ok(Date.now() < end, `never came true; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("an upload", () => {
  const total = (page) => page.getByTestId("upload-total").getByRole("progressbar");
  const percent = async (page) => Number(await total(page).getAttribute("aria-valuenow"));
  const halted = (page) => page.getByText(say("upload:halted.network.title"));

  async function begin(visitor, files) {
    const { page } = visitor;
    await signIn(page, server.user("clinician", A), "/upload");
    await page.getByRole("heading", { level: 1, name: say("upload:title") }).click();
    const line = await network(page);
    await line.slow(8 * MIB);
    await page.getByLabel(say("upload:pickFiles"), { exact: true }).first().setInputFiles(files);
    return line;
  }

  /** All is there once, the page says so, and nothing waits for a decision. */
  async function complete(page, files, waitingBefore) {
    await page.getByTestId("upload-total").getByText(say("upload:finished")).first().waitFor({ timeout: 60_000 });
    const tabs = await page.getByRole("tab").allInnerTexts();
    assert.deepEqual(tabs, [say("upload:tabs.stored", { count: files.length })]);
    const wanted = files.map((path) => uids(path).instance).sort();
    assert.deepEqual((await instances(uids(files[0]).study)).sort(), wanted);
    assert.equal(await conflicts(), waitingBefore);
  }

  test("goes on by itself when the network is back", async () => {
    const files = phantom(77, SLICES);
    const waiting = await conflicts();
    const visitor = await visit(browser, server, { trace: "offline-network" });
    const { page } = visitor;
    const line = await begin(visitor, files);
    await until(() => percent(page), (seen) => seen >= 25 && seen < 90);
    await line.cut();
    await halted(page).waitFor();
    await page.getByText(say("upload:halted.network.todo")).waitFor();
    const stored = (await instances(uids(files[0]).study)).length;
    assert.ok(stored < files.length, "it was cut in the middle");
    await line.slow(32 * MIB);
    await complete(page, files, waiting);
    await halted(page).waitFor({ state: "detached" });
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  });

  test("goes on by itself when a server that was killed is back, and closing the tab asks first", async () => {
    const files = phantom(78, SLICES);
    const waiting = await conflicts();
    const visitor = await visit(browser, server, { trace: "offline-server" });
    const { page } = visitor;
    const asked = [];
    page.removeAllListeners("dialog");
    page.on("dialog", (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await begin(visitor, files);
    await until(() => percent(page), (seen) => seen >= 25 && seen < 90);
    const { host } = new URL(server.url);
    await server.kill();
    await halted(page).waitFor();

    void page.close({ runBeforeUnload: true });
    await until(() => asked, (seen) => seen.length > 0);
    assert.deepEqual(asked, ["beforeunload"]);
    assert.ok(!page.isClosed(), "the tab stays open");

    const { sample, data, user } = server;
    server = Object.assign(await start("offline-again", { command: "serve", data, keep: true, http: host }), { sample });
    server.user = user;
    await complete(page, files, waiting);
    assert.deepEqual(visitor.errors, []);

    // nothing is on its way any more: the tab closes without a question
    await Promise.all([page.waitForEvent("close"), page.close({ runBeforeUnload: true })]);
    assert.equal(asked.length, 1);
    await visitor.leave();
  });

  test("left nothing wrong on the disk", async () => {
    const { host } = new URL(server.url);
    const { sample, data, user } = server;
    assert.equal(await server.stop(), 0);
    execFileSync(BINARY, ["verify", "--data", data], { stdio: ["ignore", "ignore", "inherit"] });
    server = Object.assign(await start("offline-verified", { command: "serve", data, keep: true, http: host }), { sample, user });
  });
});

describe("a viewing", () => {
  const pane = (page) => page.getByTestId("pane").first();
  const number = async (page) => Number(await pane(page).getAttribute("data-image-index"));
  const state = (page) => pane(page).getAttribute("data-state");

  test("goes on with what is there, says what is not, and comes back by itself", async () => {
    const { study } = server.sample;
    const visitor = await visit(browser, server, { trace: "offline-viewing" });
    const { page } = visitor;
    await signIn(page, server.user("clinician", A), "/settings");
    const held = new Set();
    page.on("requestfinished", (request) => {
      const [, instance] = /instances\/([0-9.]+)\/frames\/1$/.exec(request.url()) ?? [];
      if (instance) held.add(instance);
    });
    const line = await network(page);
    await page.goto(`/studies/${study}`);
    await until(() => state(page), (seen) => seen === "ready");
    await line.slow(2 * MIB);
    const count = Number(await pane(page).getAttribute("data-image-count"));
    const kept = await until(() => held.size, (seen) => seen >= 12);
    assert.ok(kept < count / 2, `${kept} of ${count} were there when the network went`);
    await line.cut();
    const last = held.size;

    // what was loaded scrolls
    await pane(page).focus();
    for (let at = 2; at <= Math.min(8, last); at += 1) {
      await page.keyboard.press("ArrowDown");
      await until(() => number(page), (seen) => seen === at, 3000);
      assert.equal(await state(page), "ready");
    }
    await page.getByText(say("imaging:viewer.away")).waitFor();

    // drawn and marked without a network
    const box = await pane(page).boundingBox();
    const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
    await page.keyboard.press("k");
    await page.keyboard.press("l");
    await page.mouse.move(...at(0.4, 0.4));
    await page.mouse.down();
    await page.mouse.move(...at(0.6, 0.5), { steps: 4 });
    await page.mouse.up();
    await page.keyboard.press("f");
    const panel = page.getByRole("complementary", { name: say("imaging:viewer.panel") });
    await panel.locator("[data-measurement]").waitFor();
    await panel.getByText(say("imaging:viewer.saving.kept")).waitFor();

    // what was not loaded says so
    await pane(page).focus();
    await page.keyboard.press("End");
    await until(() => state(page), (seen) => seen === "failed");
    await pane(page).getByRole("alert").getByText(say("ui:problem.offline.title")).waitFor();
    assert.equal(Number(await pane(page).getAttribute("data-image-index")), 8, "the picture of before is not taken for the new one");

    await line.mend();
    await until(() => number(page), (seen) => seen === count, 15_000);
    assert.equal(await state(page), "ready");
    await page.getByText(say("imaging:viewer.away")).waitFor({ state: "detached" });
    await panel.getByText(say("imaging:viewer.saving.saved")).waitFor({ timeout: 20_000 });

    const own = await (await page.request.get(`/api/annotations/${study}`)).json();
    assert.equal(own.measurements.length, 1);
    assert.equal(own.key_images.length, 1);
    await page.reload();
    await until(() => state(page), (seen) => seen === "ready");
    await page.keyboard.press("f");
    await panel.locator("[data-measurement]").waitFor();
    assert.equal(await panel.locator("[data-measurement]").count(), 1);
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  });

  test("goes on on a phone", async () => {
    const { study } = server.sample;
    const visitor = await visit(browser, server, { width: 390, height: 800, touch: true, trace: "offline-phone" });
    const { page } = visitor;
    await signIn(page, server.user("clinician", A), `/studies/${study}`);
    const stage = page.locator("[data-image-index]").first();
    await until(() => stage.getAttribute("data-state"), (seen) => seen === "ready");
    const line = await network(page);
    await line.cut();
    const slider = page.getByRole("slider", { name: say("imaging:viewer.imageSlider") }).first();
    await slider.focus();
    await page.keyboard.press("End");
    await page.getByText(say("imaging:viewer.away")).waitFor();
    await line.mend();
    const count = await stage.getAttribute("data-image-count");
    await until(() => stage.getAttribute("data-image-index"), (seen) => seen === count, 15_000);
    await until(() => stage.getAttribute("data-state"), (seen) => seen === "ready");
    await page.getByText(say("imaging:viewer.away")).waitFor({ state: "detached" });
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  });
});

describe("a session that ends", () => {
  const isLogin = (url) => url.pathname === "/login";

  /** Fills the login page that one was led to. */
  async function again(page, user) {
    await page.locator("input[name=login]").fill(user.login);
    await page.locator("input[name=password]").fill(user.password);
    await page.locator("form button[type=submit]").first().click();
  }

  test("in another tab leads to the login page at the next action, and back to where one was", async () => {
    const user = server.user("clinician", A);
    const visitor = await visit(browser, server, { trace: "ended-elsewhere" });
    const { page, context } = visitor;
    await signIn(page, user, "/studies?modality=CT");
    await page.getByRole("row").nth(1).waitFor();
    const other = await context.newPage();
    await other.goto("/");
    await other.locator("header button[aria-haspopup=menu]").last().click();
    await other.getByRole("menuitem", { name: say("app:signOut") }).click();
    await other.waitForURL(isLogin);
    await page.bringToFront();
    if (!isLogin(new URL(page.url()))) await page.getByRole("link", { name: say("app:nav.patients") }).first().click();
    await page.waitForURL(isLogin);
    const next = new URL(page.url()).searchParams.get("next");
    assert.match(next, /^\/(studies\?modality=CT|patients)/);
    await again(page, user);
    await page.waitForURL((url) => url.pathname + url.search === next);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  });

  test("while images are read leads to the login page, and back to the same image", async () => {
    const user = server.user("clinician", A);
    const { study } = server.sample;
    const visitor = await visit(browser, server, { trace: "ended-viewing" });
    const { page, context } = visitor;
    await signIn(page, user, `/studies/${study}`);
    const pane = page.getByTestId("pane").first();
    await until(() => pane.getAttribute("data-state"), (seen) => seen === "ready");
    await pane.focus();
    await page.keyboard.press("PageDown");
    await until(() => pane.getAttribute("data-image-index"), (seen) => seen === "11");
    const instance = await pane.getAttribute("data-instance");
    await page.waitForURL((url) => url.searchParams.get("instance")?.replaceAll('"', "") === instance);
    const gone = await context.request.delete("/api/session");
    assert.equal(gone.status(), 204);
    // access is asked for again a second after it was asked last
    await until(async () => {
      if (!isLogin(new URL(page.url()))) await page.keyboard.press("i");
      return page.url();
    }, (seen) => isLogin(new URL(seen)));
    await again(page, user);
    await page.waitForURL((url) => url.pathname === `/studies/${study}`);
    await until(() => pane.getAttribute("data-state"), (seen) => seen === "ready");
    assert.equal(await pane.getAttribute("data-instance"), instance);
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
  });

  test("because the administrator disabled the user is over at the next action", async () => {
    const user = server.user("registrar", A);
    const visitor = await visit(browser, server, { trace: "ended-disabled" });
    const administrator = await visit(browser, server);
    await signIn(administrator.page, server.user("administrator", A), "/admin/users");
    const { page } = visitor;
    await signIn(page, user, "/patients");
    await page.getByRole("heading", { level: 1 }).waitFor();
    const change = async (disabled) => {
      const answer = await administrator.page.request.patch(`/api/users/${user.login}`, { data: { disabled } });
      assert.equal(answer.status(), 200, await answer.text());
    };
    await change(true);
    await page.getByRole("link", { name: say("app:nav.tray") }).first().click();
    await page.waitForURL(isLogin);
    assert.equal(new URL(page.url()).searchParams.get("next"), "/tray");
    await again(page, user);
    await page.locator("[role=alert]").waitFor();
    await change(false);
    await again(page, user);
    await page.waitForURL((url) => url.pathname === "/tray");
    await page.getByRole("heading", { level: 1 }).waitFor();
    assert.deepEqual(visitor.errors, []);
    await visitor.leave();
    await administrator.leave();
  });
});
