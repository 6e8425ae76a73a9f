// Every screen of the app, for whoever goes through all of them: axe, pictures, widths, pseudo-locale.
import { drawn } from "./checks.mjs";
import { file, uid } from "./dicom.mjs";
import { ask } from "./server.mjs";

const button = (page, name) => page.getByRole("button", { name, exact: true });
const dialog = (page) => page.getByRole("dialog").last().waitFor();

async function palette(page, _, text = "") {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").last().waitFor();
  if (text) await page.keyboard.type(text);
  await page.getByRole("option").first().waitFor();
}

async function share(page, say) {
  await button(page, say("records:share")).first().click();
  await dialog(page);
}

async function shareByLink(page, say) {
  await share(page, say);
  await page.getByRole("dialog").getByText(say("sharing:way.link"), { exact: true }).click();
  await button(page, say("sharing:makeLink")).click();
  await page.getByRole("dialog").getByRole("img", { name: say("sharing:qr.title") }).waitFor();
}

async function uploaded(page) {
  const study = { "0020000D": uid(), "0020000E": uid(), "00081030": "Sent from the browser", "00100010": "Sent^By^Browser" };
  const same = file({ ...study, "00100020": "SENT-1" });
  const payload = (name, mimeType, buffer) => ({ name, mimeType, buffer });
  await page.locator("input[type=file]").first().setInputFiles([
    payload("one.dcm", "application/dicom", same),
    payload("same again.dcm", "application/dicom", same),
    payload("notes.txt", "text/plain", Buffer.from("neither an image nor a record")),
    payload("record.json", "application/json", Buffer.from('{"resourceType":"Patient","birthDate":"never"}')),
  ]);
  await page.getByTestId("upload-total").waitFor();
  await page.waitForFunction(() => document.querySelector('[data-testid="upload-total"] [role=progressbar]')?.getAttribute("aria-valuenow") === "100");
}

/** Names, paths and the role that sees them, on the sample network; `open` does on the page what leads to the screen. */
export async function screens(server) {
  const token = server.sample.tokens.find((token) => token.org === "hospital-a").token;
  const bundle = await (await ask(server, token, `/fhir/Patient?identifier=${server.sample.mrn}`)).json();
  const patient = bundle.entry[0].resource.id;
  const observations = await (await ask(server, token, `/fhir/Observation?patient=${patient}&_count=1`)).json();
  const observation = observations.entry[0].resource.id;
  const { conflicts } = await (await ask(server, token, "/api/conflicts")).json();
  const study = server.sample.study;
  const list = [
    ["home", "/", "radiologist"],
    ["home-clinician", "/", "clinician"],
    ["home-registrar", "/", "registrar"],
    ["home-administrator", "/", "administrator"],
    ["home-patient", "/", "patient"],
    ["palette", "/", "clinician", palette],
    ["palette-found", "/studies", "clinician", (page, say) => palette(page, say, "a")],
    ["account-menu", "/settings", "clinician", async (page) => {
      await page.locator("header button[aria-haspopup=menu]").last().click();
      await page.getByRole("menu").waitFor();
    }],
    ["patients", "/patients", "clinician"],
    ["patients-none", "/patients?q=nobody-is-called-so", "clinician"],
    ["patient-new", "/patients?new=true", "clinician", dialog],
    ["patient", `/patients/${patient}`, "clinician"],
    ["patient-filtered", `/patients/${patient}?show=%5B%22images%22%5D&from=1990-01-01`, "clinician"],
    ["patient-share", `/patients/${patient}`, "clinician", share],
    ["patient-share-link", `/patients/${patient}`, "clinician", shareByLink],
    ["record", `/records/Observation/${observation}`, "clinician"],
    ["record-patient", `/records/Patient/${patient}`, "clinician"],
    ["record-history", `/records/Patient/${patient}?view=history`, "clinician"],
    ["record-json", `/records/Observation/${observation}?view=json`, "clinician"],
    ["record-absent", "/records/Observation/not-here", "clinician"],
    ["studies", "/studies", "radiologist"],
    ["studies-none", "/studies?description=nothing-is-called-so", "radiologist"],
    ["studies-columns", "/studies", "radiologist", async (page, say) => {
      await button(page, say("imaging:studies.columns")).click();
      await page.getByRole("checkbox").first().waitFor();
    }],
    ["viewer", `/studies/${study}`, "radiologist"],
    ["viewer-keys", `/studies/${study}`, "radiologist", async (page) => {
      await page.getByTestId("panes").waitFor();
      await page.keyboard.press("?");
      await dialog(page);
    }],
    ["viewer-measurements", `/studies/${study}`, "radiologist", async (page, say) => {
      await page.getByTestId("panes").waitFor();
      await page.keyboard.press("f");
      await page.getByRole("complementary", { name: say("imaging:viewer.measurements") }).or(page.locator("main aside")).first().waitFor();
    }],
    ["viewer-planes", `/studies/${study}`, "radiologist", async (page) => {
      await page.locator('[data-testid="panes"]').waitFor();
      await page.keyboard.press("m");
      await page.locator('[data-testid="panes"][data-layout="mpr"]').waitFor();
    }],
    ["upload", "/upload", "clinician"],
    ["upload-report", "/upload", "clinician", uploaded],
    ["sharing", "/sharing", "clinician"],
    ["sharing-incoming", "/sharing?tab=incoming", "clinician"],
    ["sharing-take-back", "/sharing", "clinician", async (page, say) => {
      await page.getByTestId("share").first().getByRole("button").last().click();
      await button(page, say("sharing:takeBack.keep")).waitFor();
    }],
    ["tray", "/tray", "clinician"],
    ...conflicts.slice(0, 2).map(({ id }, at) => [at === 0 ? "conflict" : "conflict-other", `/tray/${id}`, "clinician"]),
    ["users", "/admin/users", "administrator"],
    ["users-add", "/admin/users", "administrator", async (page, say) => {
      await button(page, say("admin:users.add")).first().click();
      await dialog(page);
    }],
    ["members", "/admin/members", "administrator"],
    ["members-add", "/admin/members", "administrator", async (page, say) => {
      await button(page, say("admin:members.add")).first().click();
      await dialog(page);
    }],
    ["devices", "/admin/devices", "administrator"],
    ["devices-add", "/admin/devices", "administrator", async (page, say) => {
      await button(page, say("admin:devices.add")).first().click();
      await dialog(page);
    }],
    ["tokens", "/admin/tokens", "administrator"],
    ["tokens-add", "/admin/tokens", "administrator", async (page, say) => {
      await button(page, say("admin:tokens.add")).first().click();
      await dialog(page);
    }],
    ["audit", "/audit", "clinician"],
    ["audit-none", "/audit?user=nobody-is-called-so", "clinician"],
    ["audit-administrator", "/audit", "administrator"],
    ["system", "/system", "administrator"],
    ["settings", "/settings", "clinician"],
    ["help", "/help", "clinician"],
    ["not-found", "/no/such/page", "clinician"],
    ["forbidden", "/upload", "patient"],
    ["link", new URL(server.sample.link).pathname + new URL(server.sample.link).hash, null],
    ["link-ended", "/link#lt_0000", null],
    ["login", "/login", null],
    ["login-wrong", "/login", null, async (page) => {
      await page.locator("input[name=login]").fill("nobody");
      await page.locator("input[name=password]").fill("not the password");
      await page.locator("form button[type=submit]").first().click();
      await page.locator("[role=alert]").waitFor();
    }],
    ["setup-done", "/setup", null],
  ];
  return list.map(([name, path, role, open]) => ({ name, path, role, open }));
}

/** The steps of the wizard, on a server that nobody has set up: `secret` is of the link that it printed. Each goes on from the one before. */
export function wizard(secret) {
  const next = async (page, say) => button(page, say("setup:next")).click();
  const field = (page, label) => page.getByLabel(label, { exact: true });
  const password = "a lens of many colours";
  return [
    { name: "setup-link-missing", path: "/setup" },
    { name: "setup-owner", path: `/setup#${secret}` },
    { name: "setup-owner-wrong", open: next },
    {
      name: "setup-organisation",
      open: async (page, say) => {
        await page.locator("form input").nth(0).fill("Ada Owner");
        await page.locator("form input").nth(1).fill("ada");
        for (const at of [0, 1]) await page.locator("form input[autocomplete=new-password]").nth(at).fill(password);
        await next(page, say);
        await field(page, say("setup:organisation.id")).or(page.locator("form input").nth(1)).first().waitFor();
      },
    },
    {
      name: "setup-data",
      open: async (page, say) => {
        await page.locator("form input").nth(0).fill("St. Mary's Hospital");
        await next(page, say);
        await page.getByRole("radio").first().waitFor();
      },
    },
    {
      name: "setup-connect",
      open: async (page, say) => {
        await page.getByRole("radio").nth(1).check();
        await button(page, say("setup:finish")).click();
        await page.getByRole("heading", { name: say("setup:connect.title") }).waitFor();
      },
    },
    { name: "home-empty", path: "/" },
    { name: "users-one", path: "/admin/users" },
    { name: "devices-none", path: "/admin/devices" },
    { name: "tokens-none", path: "/admin/tokens" },
    { name: "audit-begun", path: "/audit" },
    { name: "system-empty", path: "/system" },
  ];
}

/** Opens a screen in a window of somebody who may see it: as a link of the app does where that leads there, else anew. */
export async function show(visitor, { path, open }, say, base) {
  const { page } = visitor;
  const { at = "", opened = true } = visitor;
  const goal = path && new URL(path, base);
  if (goal) {
    const anew = opened || at === goal.href || !WITHIN.test(at.replace(goal.origin, "")) || !WITHIN.test(goal.pathname);
    if (anew) {
      // an address that differs in its fragment alone would not be loaded again
      await page.goto("about:blank");
      await page.goto(goal.href);
    } else await page.evaluate((to) => history.pushState({}, "", to), goal.pathname + goal.search);
    await drawn(visitor);
  }
  await open?.(page, say);
  if (open) await drawn(visitor);
  visitor.at = goal?.href ?? at;
  visitor.opened = Boolean(open);
}

/** The screens between which nothing is loaded anew. */
const WITHIN = /^\/(\?|$|(patients|records|sharing|tray|admin|audit|system|settings|help|upload|studies(\?|$)))/;

export const SCHEMES = ["light", "dark", "reading"];
export const LANGUAGES = ["en", "de", "zh"];
