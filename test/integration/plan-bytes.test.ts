/** `dib plan --json` is the same bytes wherever, whenever and by whom it is asked for. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildPlan } from "@dibjs/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const elements =
  "debian vm cloud-init cloud-init-datasources cloud-init-nocloud cloud-init-growpart devuser dynamic-login local-config growroot " +
  "apt-conf apt-sources apt-preferences element-manifest svc-map source-repositories cache-url";

let scratch: string;
let plan: string;

beforeAll(() => {
  scratch = mkdtempSync("/var/tmp/dibjs plan-");
  plan = planned(repository, {});
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function planned(
  from: string,
  { env = {}, cwd = scratch, umask = "022" }: { env?: Record<string, string>; cwd?: string; umask?: string },
): string {
  const command = `umask ${umask}; exec "$0" "$1/packages/cli/dist/main.js" plan --json ${elements}`;
  return execFileSync("bash", ["-c", command, process.execPath, from], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: "/root", ...env },
    maxBuffer: 2 ** 26,
  }).toString();
}

test("it names 30 elements or more", () => {
  const { data } = JSON.parse(plan) as { data: { images: { plan: BuildPlan }[] } };
  expect(data.images[0]?.plan.elements.length).toBeGreaterThanOrEqual(30);
});

test("it holds no path of this machine", () => {
  expect(plan).not.toContain(repository);
  expect(plan).not.toContain(scratch);
});

test.each([
  ["twice", {}],
  ["with another HOME", { env: { HOME: "/nonexistent" } }],
  ["in another time zone", { env: { TZ: "Pacific/Kiritimati" } }],
  ["in another locale", { env: { LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" } }],
  ["with another umask", { umask: "077" }],
  ["from another folder", { cwd: "/" }],
])("it is the same %s", (_, how) => {
  expect(planned(repository, how)).toBe(plan);
});

test("it is the same when everything is installed at another path", () => {
  const copy = join(scratch, "elsewhere");
  mkdirSync(copy);
  cpSync(join(repository, "packages"), join(copy, "packages"), { recursive: true, verbatimSymlinks: true });
  symlinkSync(join(repository, "node_modules"), join(copy, "node_modules"));
  expect(planned(copy, {})).toBe(plan);
});

test("it is the same before and after a build", async () => {
  using project = new Project();
  await project.build({ elements: ["toy-os"] });
  expect(planned(repository, {})).toBe(plan);
});
