// Pictures of every screen in three colours, two widths and three languages: `node gallery.mjs [SCREEN…]`.
// They are looked at by people; nothing is compared. docs/looked-at.md says what was seen.
import { open, picture, settled, signIn, visit } from "./lib/browser.mjs";
import { LANGUAGES, SCHEMES, screens } from "./lib/screens.mjs";
import { start } from "./lib/server.mjs";

const only = process.argv.slice(2);
const server = await start("gallery");
const browser = await open();
const widths = [
  { width: 1280, height: 800 },
  { width: 390, height: 800, touch: true },
];
const all = (await screens(server)).filter(({ name }) => only.length === 0 || only.includes(name));
for (const scheme of SCHEMES) {
  for (const language of LANGUAGES) {
    for (const size of widths) {
      for (const role of new Set(all.map((screen) => screen.role))) {
        const visitor = await visit(browser, server, { scheme, language, ...size });
        if (role) await signIn(visitor.page, server.user(role, role === "radiologist" ? undefined : "hospital-a"));
        for (const { name, path } of all.filter((screen) => screen.role === role)) {
          await visitor.page.goto(path);
          await settled(visitor.page);
          await visitor.page.waitForTimeout(name === "viewer" ? 3000 : 200);
          await picture(visitor.page, `gallery-${name}-${scheme}-${size.width}-${language}`);
        }
        if (visitor.errors.length) console.log(role, scheme, language, size.width, visitor.errors);
        await visitor.leave();
      }
    }
  }
}
await browser.close();
await server.stop();
