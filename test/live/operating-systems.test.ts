/** Every operating-system element from its public default mirrors. Opt-in (`npm run test:live`): it needs the internet. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { unreachable } from "../support/reachability.js";

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

/** Without them a host behind a proxy reaches nothing. */
const proxies = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    /^(https?|no)_proxy$/i.test(name) && value !== undefined ? [[name, value]] : [],
  ),
);

test.for([...systems, "debian"].sort())("%s builds from its default mirrors", async (element, context) => {
  const built = await runDib(["build", element, "-t", "tar", "-o", element, "--json"], { cwd: folder, env: proxies });
  const lines = built.stdout.trimEnd().split("\n");
  const { errors } = JSON.parse(lines.at(-1) ?? "") as { errors: { code: string; message: string }[] };
  const refused = await unreachable(errors);
  if (refused.length > 0) context.skip(`mirror not reachable: ${refused.join(", ")}`);
  expect(built.exitCode, `${JSON.stringify(errors, null, 2)}\n${built.stderr.slice(-4000)}`).toBe(0);
});
