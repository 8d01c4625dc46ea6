// Fetches the one file of fhirclient that an app in a browser loads. The package's dependencies are for building it, so npm must not install them.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";

const version = "2.6.3";
const integrity = "sha512-CirZixcwWelbkIXxpxlNQx5+ZdJirl6F1s4y4yvA1X7hHAkr9n99aVHaMi0wX+97nATjKQ65X6NB5as/wZoJzg==";
const into = new URL("./node_modules/.fhirclient/", import.meta.url).pathname;

if (!existsSync(into + "fhir-client.js")) {
  mkdirSync(into, { recursive: true });
  execFileSync("npm", ["pack", "--silent", "--pack-destination", into, `fhirclient@${version}`], { stdio: ["ignore", "ignore", "inherit"] });
  const archive = `${into}fhirclient-${version}.tgz`;
  const found = "sha512-" + createHash("sha512").update(readFileSync(archive)).digest("base64");
  if (found !== integrity) {
    throw new Error(`fhirclient ${version} is not what it was: ${found}`);
  }
  execFileSync("tar", ["-xzf", archive, "-C", into, "--strip-components=2", "package/build/fhir-client.js"]);
  rmSync(archive);
}
