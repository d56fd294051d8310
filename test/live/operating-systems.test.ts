/** Every operating-system element from its public default mirrors. Opt-in (`npm run test:live`): it needs the internet. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runDib } from "../support/dib.js";

const packages = fileURLToPath(new URL("../../packages", import.meta.url));
const folder = mkdtempSync("/var/tmp/dibjs-live-");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Elements that provide an operating system; `debian` stands on one. */
const systems = readdirSync(packages).flatMap((name) => {
  if (!name.startsWith("element-")) return [];
  const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as {
    dib: { elements: Record<string, string>; provides?: Record<string, string[]> };
  };
  return Object.entries(manifest.dib.elements).flatMap(([element, path]) => {
    const provided = [
      ...(manifest.dib.provides?.[element] ?? []),
      ...linesOf(join(packages, name, path, "element-provides")),
    ];
    return provided.includes("operating-system") ? [element] : [];
  });
});

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // most elements provide nothing
  }
}

const unreachable =
  /FETCH_FAILED|Could not resolve|Temporary failure resolving|Connection (refused|timed out)|Unable to connect|Network is unreachable|Couldn't (download|connect)|[45]\d\d +(Forbidden|Not Found|Bad Gateway|Service Unavailable)/;

test.for([...systems, "debian"].sort())("%s builds from its default mirrors", async (element, context) => {
  const built = await runDib(["build", element, "-t", "tar", "-o", element, "--logfile", `${element}.log`], {
    cwd: folder,
  });
  const said =
    built.stderr +
    linesOf(join(folder, `${element}.log`))
      .slice(-200)
      .join("\n");
  if (built.exitCode !== 0 && unreachable.test(said)) context.skip("mirror not reachable");
  expect(built, said.slice(-4000)).toMatchObject({ exitCode: 0 });
});
