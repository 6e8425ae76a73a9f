// Every screen of the app, for whoever goes through all of them: axe, pictures, widths, pseudo-locale.
import { ask } from "./server.mjs";

/** Names, paths and the role that sees them, on the sample network. */
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
    ["patients", "/patients", "clinician"],
    ["patient", `/patients/${patient}`, "clinician"],
    ["record", `/records/Observation/${observation}`, "clinician"],
    ["studies", "/studies", "radiologist"],
    ["viewer", `/studies/${study}`, "radiologist"],
    ["upload", "/upload", "clinician"],
    ["sharing", "/sharing", "clinician"],
    ["tray", "/tray", "clinician"],
    ["users", "/admin/users", "administrator"],
    ["members", "/admin/members", "administrator"],
    ["devices", "/admin/devices", "administrator"],
    ["tokens", "/admin/tokens", "administrator"],
    ["audit", "/audit", "clinician"],
    ["system", "/system", "administrator"],
    ["settings", "/settings", "clinician"],
    ["help", "/help", "clinician"],
    ["not-found", "/no/such/page", "clinician"],
    ["link-ended", "/link#lt_0000", null],
    ["login", "/login", null],
  ];
  if (conflicts.length) list.splice(13, 0, ["conflict", `/tray/${conflicts[0].id}`, "clinician"]);
  return list.map(([name, path, role]) => ({ name, path, role }));
}

export const SCHEMES = ["light", "dark", "reading"];
export const LANGUAGES = ["en", "de", "zh"];
