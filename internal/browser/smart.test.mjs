// From nothing to an app with a patient's data, in a real browser. Screenshots go to the directory of SHOTS.
import assert from "node:assert/strict";
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { Firth, startApp } from "./firth.mjs";

const phone = { width: 390, height: 844 };
const desktop = { width: 1280, height: 800 };
const password = "four words in a row";

const firth = new Firth();
let app, browser, context, page, keys;

const observation = (id, patient, value) => ({
  resourceType: "Observation", id, status: "final", subject: { reference: `Patient/${patient}` }, effectiveDateTime: "2026-11-20T08:00:00Z",
  category: [{ coding: [{ system: "http://terminology.hl7.org/CodeSystem/observation-category", code: "vital-signs" }] }],
  code: { coding: [{ system: "http://loinc.org", code: "8867-4", display: "Heart rate" }] },
  valueQuantity: { value, unit: "/min", system: "http://unitsofmeasure.org", code: "/min" },
});

before(async () => {
  firth.fill([
    { resourceType: "Practitioner", id: "who", name: [{ family: "Who", given: ["Jo"] }] },
    { resourceType: "Patient", id: "amy", name: [{ family: "Pond", given: ["Amy"] }], birthDate: "1989-10-01", gender: "female", identifier: [{ system: "urn:mrn", value: "4711" }] },
    { resourceType: "Patient", id: "rory", name: [{ family: "Williams", given: ["Rory"] }], birthDate: "1989-06-11", gender: "male" },
    observation("a1", "amy", 71), observation("a2", "amy", 72), observation("r1", "rory", 80),
    { resourceType: "Patient", id: "sam", name: [{ family: "Sealed", given: ["Sam"] }] },
    observation("s1", "sam", 90),
    { resourceType: "Consent", id: "cs", status: "active", scope: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/consentscope", code: "patient-privacy" }] }, category: [{ text: "x" }],
      policyRule: { text: "x" }, patient: { reference: "Patient/sam" }, provision: { type: "deny" } },
    { resourceType: "Condition", id: "ac", subject: { reference: "Patient/amy" }, code: { text: "Fracture" } },
  ]);
  app = await startApp();
  keys = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const jwks = join(firth.dir, "jwks.json");
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...keys.publicKey.export({ format: "jwk" }), kid: "k1", use: "sig", alg: "ES384" }] }));
  firth.command("client", "add", "growth-chart", "--name", "Growth Chart", "--redirect", app.url + "/", "--launch", app.url + "/launch");
  firth.command("client", "add", "ehr", "--name", "Hospital system", "--type", "asymmetric", "--jwks", jwks, "--scopes", "firth/accounts system/Patient.rs");
  await firth.start();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium", args: ["--no-sandbox"] });
  context = await browser.newContext({ viewport: desktop });
  page = await context.newPage();
});

after(async () => {
  await browser?.close();
  await app?.stop();
  await firth.stop();
});

// shot keeps how a page looks, on a desktop and on a phone.
async function shot(name) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  for (const [kind, size] of Object.entries({ phone, desktop })) {
    await page.setViewportSize(size);
    await page.screenshot({ path: join(process.env.SHOTS, `${name}-${kind}.png`), fullPage: true });
  }
}

// welcome sets a password at an address that works once.
async function welcome(link, name) {
  await page.goto(link);
  await shot("welcome");
  await page.getByLabel("New password").fill(password + " " + name);
  await page.getByLabel("Once more").fill(password + " " + name);
  await page.getByRole("button", { name: "Set password" }).click();
}

async function login(name) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password + " " + name);
  await page.getByRole("button", { name: "Sign in" }).click();
}

// read has the app ask for something with its token: the status, or what came.
const read = (path) => page.evaluate(async (path) => {
  try {
    const found = await window.client.request(path);
    return found.resourceType === "Bundle" ? found.entry.map((e) => `${e.resource.resourceType}/${e.resource.id}`) : `${found.resourceType}/${found.id}`;
  } catch (error) {
    return error.statusCode || error.status || String(error);
  }
}, path);

const state = () => page.evaluate(() => ({ patient: window.client.patient.id, scope: window.client.state.tokenResponse.scope, user: window.client.user.fhirUser }));
const isBack = async () => {
  await page.waitForFunction(() => (document.getElementById("state")?.textContent ?? "…") !== "…");
  assert.equal(await page.textContent("#state"), "ready");
};

// backend gets a token for a service, by a signed assertion.
async function backend(scope) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const endpoint = firth.origin + "/auth/token";
  const unsigned = encode({ alg: "ES384", typ: "JWT", kid: "k1" }) + "." + encode({ iss: "ehr", sub: "ehr", aud: endpoint, exp: Math.floor(Date.now() / 1000) + 60, jti: randomUUID() });
  const signature = sign("sha384", Buffer.from(unsigned), { key: keys.privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
  const response = await fetch(endpoint, { method: "POST", body: new URLSearchParams({
    grant_type: "client_credentials", scope, client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: unsigned + "." + signature,
  }) });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).access_token;
}

test("the administrator sets a password and signs in", async () => {
  await welcome(firth.link, "admin");
  await page.goto(firth.origin + "/auth/account");
  if (await page.getByLabel("Password", { exact: true }).count()) {
    await shot("login");
    await login("admin");
    await page.goto(firth.origin + "/auth/account");
  }
  await shot("account");
  assert.match(await page.textContent("body"), /Signed in as/);
  await page.getByRole("button", { name: "Sign out" }).click();
});

test("the administrator's address works once", async () => {
  await page.goto(firth.link);
  assert.equal(await page.getByLabel("New password").count(), 0);
});

test("standalone launch: a patient is picked, fewer scopes are given than asked, and exactly those can be read", async () => {
  const made = firth.command("user", "add", "dr.who", "--name", "Dr. Who", "--fhir-user", "Practitioner/who");
  await welcome(made.match(/https?:\S+/)[0], "dr.who");
  await context.clearCookies();

  const scope = "launch/patient openid fhirUser offline_access patient/Patient.rs patient/Observation.rs patient/Condition.rs";
  await page.goto(`${app.url}/launch?${new URLSearchParams({ iss: firth.base, scope })}`);
  await page.getByLabel("Password").waitFor();
  await shot("login");
  await login("dr.who");
  await page.getByRole("button", { name: /Amy Pond/ }).waitFor();
  await shot("patient");
  await page.getByRole("button", { name: /Amy Pond/ }).click();
  await page.getByRole("button", { name: "Allow" }).waitFor();
  await shot("consent");
  await page.locator('input[name="scope"][value^="patient/Condition"]').uncheck();
  await page.getByRole("button", { name: "Allow" }).click();
  await isBack();

  const got = await state();
  assert.equal(got.patient, "amy");
  assert.match(got.user, /Practitioner\/who$/);
  assert.deepEqual(got.scope.split(" ").sort(), scope.split(" ").filter((s) => !s.includes("Condition")).sort());
  assert.equal(await read("Patient/amy"), "Patient/amy");
  assert.deepEqual(await read("Patient"), ["Patient/amy"]);
  assert.deepEqual(await read("Observation?_sort=_id"), ["Observation/a1", "Observation/a2"]);
  assert.equal(await read("Observation/r1"), 404);
  assert.equal(await read("Patient/rory"), 404);
  assert.equal(await read("Condition/ac"), 403);
  assert.equal(await read("Condition"), 403);
});

test("refresh gives a new token, and the one before is not needed", async () => {
  const [first, second] = await page.evaluate(async () => {
    const first = window.client.state.tokenResponse.access_token;
    await window.client.refresh();
    return [first, window.client.state.tokenResponse.access_token];
  });
  assert.notEqual(first, second);
  assert.deepEqual(await read("Observation?_sort=_id"), ["Observation/a1", "Observation/a2"]);
});

test("revocation at the account page ends the app's access", async () => {
  const mine = await context.newPage();
  const appPage = page;
  page = mine;
  await page.goto(firth.origin + "/auth/account");
  await shot("apps");
  await page.getByRole("button", { name: /Growth Chart/ }).click();
  await page.waitForLoadState();
  assert.match(await page.textContent("body"), /No app has access/);
  await page.close();
  page = appPage;
  assert.equal(await page.evaluate(async () => {
    const token = window.client.state.tokenResponse.access_token;
    return (await fetch(window.client.state.serverUrl + "/Observation", { headers: { Authorization: "Bearer " + token } })).status;
  }), 401);
  assert.equal(await page.evaluate(() => window.client.refresh().then(() => "refreshed", () => "refused")), "refused");
});

test("EHR launch: the hospital system says which patient", async () => {
  const token = await backend("firth/accounts");
  const response = await fetch(firth.origin + "/auth/launch", { method: "POST", headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" },
    body: JSON.stringify({ client_id: "growth-chart", user: "dr.who", patient: "rory" }) });
  assert.equal(response.status, 201, await response.clone().text());
  await page.goto((await response.json()).url);
  await page.getByRole("button", { name: "Allow" }).click();
  await isBack();
  const got = await state();
  assert.equal(got.patient, "rory");
  assert.deepEqual(await read("Observation"), ["Observation/r1"]);
  assert.equal(await read("Observation/a1"), 404);
});

test("emergency access: with a reason, past the Consent of the patient, and recorded as such", async () => {
  const made = firth.command("user", "add", "dr.jones", "--name", "Dr. Jones", "--fhir-user", "Practitioner/who", "--break-glass");
  await context.clearCookies();
  await welcome(made.match(/https?:\S+/)[0], "dr.jones");
  await context.clearCookies();
  await page.goto(`${app.url}/launch?${new URLSearchParams({ iss: firth.base, scope: "openid fhirUser user/Observation.rs" })}`);
  await login("dr.jones");
  await page.getByRole("link", { name: "Emergency access" }).click();
  await page.getByLabel("Why is it needed?").waitFor();
  await shot("emergency");
  await page.getByLabel("Why is it needed?").fill("unconscious after a fall");
  await page.getByRole("button", { name: "Continue with emergency access" }).click();
  await page.getByRole("button", { name: "Allow" }).waitFor();
  await shot("emergency-consent");
  await page.getByRole("button", { name: "Allow" }).click();
  await isBack();
  assert.equal(await read("Observation/s1"), "Observation/s1");

  await context.clearCookies();
  await page.goto(`${app.url}/launch?${new URLSearchParams({ iss: firth.base, scope: "openid fhirUser user/Observation.rs" })}`);
  await login("dr.jones");
  await page.getByRole("button", { name: "Allow" }).click();
  await isBack();
  assert.equal(await read("Observation/s1"), 404);
  assert.equal(await read("Observation/a1"), "Observation/a1");

  const events = firth.command("audit", "export").split("\n").filter((line) => line.includes("Observation/s1")).map((line) => JSON.parse(line));
  const purposes = events.filter((e) => e.type.code === "rest" && e.outcome === "0").map((e) => e.purposeOfEvent?.flatMap((p) => p.coding).map((c) => c.code));
  assert.deepEqual(purposes, [["ETREAT", "BTG"]]);
});

test("pages work without scripts, and say who is in front of them", async () => {
  const other = await browser.newContext({ javaScriptEnabled: false, viewport: phone });
  const plain = await other.newPage();
  await plain.goto(firth.origin + "/auth/account");
  await plain.getByLabel("Name").fill("dr.who");
  await plain.getByLabel("Password").fill("not this one");
  await plain.getByRole("button", { name: "Sign in" }).click();
  assert.equal(await plain.getByRole("alert").count(), 1);
  await plain.getByLabel("Password").fill(password + " dr.who");
  await plain.getByRole("button", { name: "Sign in" }).click();
  assert.match(await plain.textContent("body"), /Signed in as/);
  await other.close();
});
