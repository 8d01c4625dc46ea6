// Runs the server, and an app beside it.
import { execFileSync, spawn } from "node:child_process";
import { createServer } from "node:http";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const root = new URL("../../", import.meta.url).pathname;
const binary = process.env.FIRTH_BINARY || join(root, "bin/firth");

// Firth is a server on a store of its own, filled with resources before it starts.
export class Firth {
  constructor() {
    this.dir = mkdtempSync(join(tmpdir(), "firth-"));
    this.store = join(this.dir, "data");
  }

  // command runs firth on the store.
  command(...args) {
    return execFileSync(binary, [...args, "--store", this.store, "--log-level", "error"], { encoding: "utf8" });
  }

  // fill stores resources while no server runs.
  fill(resources) {
    const file = join(this.dir, "resources.ndjson");
    writeFileSync(file, resources.map((r) => JSON.stringify(r) + "\n").join(""));
    this.command("import", file);
  }

  // start runs the server until stop. It sets base, and link: where the administrator sets a password.
  async start() {
    this.process = spawn(binary, ["serve", "--store", this.store, "--listen", "127.0.0.1:0", "--name", "St. Firth's Hospital"], { stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: this.process.stdout })) {
      const [word, value] = line.split(" ");
      if (word === "administrator") this.link = value;
      if (word === "ready") {
        this.base = value;
        this.origin = new URL(value).origin;
        return;
      }
    }
    throw new Error("the server ended");
  }

  async stop() {
    if (this.process && this.process.exitCode === null) {
      const ended = new Promise((resolve) => this.process.once("exit", resolve));
      this.process.kill("SIGTERM");
      await ended;
    }
    rmSync(this.dir, { recursive: true });
  }
}

const page = (script) => `<!doctype html><meta charset="utf-8"><title>App</title><script src="/fhir-client.js"></script><body><p id="state">…</p><script>${script}</script>`;

// startApp serves an app made with fhirclient. It launches at /launch with a scope of its query string, or that of an EHR, and comes back to /.
export async function startApp() {
  const library = readFileSync(new URL("./node_modules/.fhirclient/fhir-client.js", import.meta.url));
  const pages = {
    "/launch": page(`
      const asked = new URLSearchParams(location.search);
      FHIR.oauth2.authorize({ clientId: "growth-chart", scope: asked.get("scope") || "launch openid fhirUser patient/*.rs", redirectUri: "/", iss: asked.get("iss"), pkceMode: "required" });`),
    "/": page(`
      FHIR.oauth2.ready().then((client) => { window.client = client; document.getElementById("state").textContent = "ready"; },
        (error) => { document.getElementById("state").textContent = "failed: " + error.message; });`),
  };
  const server = createServer((request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    if (path === "/fhir-client.js") {
      response.setHeader("Content-Type", "text/javascript");
      response.end(library);
    } else if (pages[path]) {
      response.setHeader("Content-Type", "text/html");
      response.end(pages[path]);
    } else {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((resolve) => server.close(resolve)) };
}
