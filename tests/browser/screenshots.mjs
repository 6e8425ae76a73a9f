// The pictures of the README, light and dark: `node screenshots.mjs FOLDER`. The sample network is the same each time.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open, signIn, visit } from "./lib/browser.mjs";
import { drawn, guard } from "./lib/checks.mjs";
import { small } from "./lib/png.mjs";
import { ask, start } from "./lib/server.mjs";
import { speaker } from "./lib/words.mjs";

const [target] = process.argv.slice(2);
if (!target) throw new Error("usage: node screenshots.mjs FOLDER");
mkdirSync(target, { recursive: true });

const MOST = 250_000;
const A = "hospital-a";
const say = speaker("en");
const server = await start("screenshots");
const browser = await open();
const token = server.sample.tokens.find(({ org, role }) => org === A && role === "clinician").token;
const { study } = server.sample;
const bundle = await (await ask(server, token, `/fhir/Patient?identifier=${server.sample.mrn}`)).json();
const patient = `/patients/${bundle.entry[0].resource.id}`;

function keep(name, scheme, bytes) {
  // noise takes room: fewer greys where a picture is full of it
  let made = small(bytes);
  for (const colours of [160, 96, 64, 40]) if (made.length > MOST) made = small(bytes, colours);
  if (made.length > MOST) throw new Error(`${name}-${scheme}.png has ${made.length} bytes, more than ${MOST}`);
  writeFileSync(join(target, `${name}-${scheme}.png`), made);
  console.log(`${name}-${scheme}.png  ${Math.round(made.length / 1000)} kB`);
}

async function member(role, scheme, size = {}) {
  const visitor = await guard(await visit(browser, server, { scheme, ...size }));
  await visitor.page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
  // what the sample network did on its start was always two hours ago
  await visitor.page.clock.setFixedTime(Date.now() + 2 * 3_600_000);
  await signIn(visitor.page, server.user(role, A));
  return visitor;
}

async function shoot(visitor, path) {
  const { page } = visitor;
  await page.goto(path);
  await drawn(visitor);
  await page.mouse.move(0, 0);
  return page.screenshot({ caret: "hide" });
}

const pane = (page, name = "1") => page.locator(`[data-testid="pane"][data-pane="${name}"]`);

/** The middle of a chest with something measured on it, and the list of what was. */
async function viewer(visitor) {
  const { page } = visitor;
  await page.goto(`/studies/${study}`);
  await pane(page).and(page.locator('[data-state="ready"]')).waitFor();
  await pane(page).focus();
  await page.keyboard.press("Home");
  for (let ten = 0; ten < 8; ten += 1) await page.keyboard.press("PageDown");
  await page.locator('[data-pane="1"][data-image-index="81"]').waitFor();
  const panel = page.getByRole("complementary", { name: say("imaging:viewer.panel") });
  await page.keyboard.press("f");
  await panel.waitFor();
  const box = await pane(page).boundingBox();
  const draw = async (key, from, to) => {
    await page.keyboard.press(key);
    await page.mouse.move(box.x + box.width * from[0], box.y + box.height * from[1]);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to[0], box.y + box.height * to[1], { steps: 5 });
    await page.mouse.up();
  };
  if ((await panel.locator("[data-measurement]").count()) === 0) {
    await draw("l", [0.215, 0.5], [0.783, 0.5]);
    await draw("e", [0.534, 0.528], [0.575, 0.578]);
    await page.keyboard.press("w");
  }
  await panel.getByText(say("imaging:viewer.saving.saved")).waitFor();
  await drawn(visitor);
  await page.mouse.move(0, 0);
  return page.screenshot({ caret: "hide" });
}

/** The three planes through what was looked at. */
async function planes(visitor) {
  const { page } = visitor;
  await pane(page).focus();
  await page.keyboard.press("f");
  await page.keyboard.press("m");
  for (const name of ["axial", "coronal", "sagittal"]) await pane(page, name).and(page.locator('[data-state="ready"]')).waitFor({ timeout: 60_000 });
  await drawn(visitor);
  await page.mouse.move(0, 0);
  return page.screenshot({ caret: "hide" });
}

/** Three phones beside each other; on the third what stands at the address `picture`. */
async function phones(scheme, picture) {
  const size = { width: 390, height: 800, touch: true };
  const clinician = await member("clinician", scheme, size);
  const pictures = [await shoot(clinician, "/"), await shoot(clinician, patient)];
  const { page } = clinician;
  await page.goto(picture);
  await page.locator('[data-testid="phone-stage"][data-state="ready"]').waitFor();
  await drawn(clinician);
  pictures.push(await page.screenshot({ caret: "hide" }));
  await clinician.leave();
  const sheet = await browser.newPage({ viewport: { width: 1280, height: 840 } });
  const images = pictures.map((bytes) => `<img width="390" height="800" src="data:image/png;base64,${bytes.toString("base64")}">`).join("");
  await sheet.setContent(
    `<style>body{margin:0;display:flex;gap:25px;padding:20px 30px;background:${scheme === "light" ? "#e9ecef" : "#16181c"}}img{border-radius:14px;box-shadow:0 0 0 1px #8886}</style>${images}`,
  );
  await sheet.waitForFunction(() => [...document.images].every((image) => image.complete && image.naturalWidth > 0));
  const bytes = await sheet.screenshot();
  await sheet.close();
  return bytes;
}

try {
  for (const scheme of ["light", "dark"]) {
    const clinician = await member("clinician", scheme);
    keep("home", scheme, await shoot(clinician, "/"));
    keep("patient", scheme, await shoot(clinician, patient));
    await clinician.leave();
    const radiologist = await member("radiologist", scheme);
    keep("studies", scheme, await shoot(radiologist, "/studies"));
    keep("viewer", scheme, await viewer(radiologist));
    await radiologist.page.waitForURL(/instance=/);
    const { pathname, search } = new URL(radiologist.page.url());
    keep("mpr", scheme, await planes(radiologist));
    await radiologist.leave();
    keep("phone", scheme, await phones(scheme, pathname + search));
  }
} finally {
  await browser.close();
  await server.stop();
}
