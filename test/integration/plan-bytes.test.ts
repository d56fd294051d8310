/** `dib plan --json` is the same bytes wherever, whenever and by whom it is asked for. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuildPlan, BuildReport } from "@dibjs/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dibEnvironment, dibProgram } from "../support/dib.js";
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

test("it is the same before and after a build of it, in the same project, with the same HOME and cache", () => {
  using project = new Project();
  const names = Array.from({ length: 30 }, (_, index) => `part-${String(index + 1).padStart(2, "0")}`);
  for (const [index, name] of names.entries()) {
    project.write(
      `elements/${name}/install.d/${20 + index}-${name}`,
      `#!/bin/bash\necho "$DIB_PART ${name}" >> /etc/parts\n`,
    );
    project.write(`elements/${name}/environment.d/10-${name}.bash`, `export DIB_PART=\${DIB_PART:-${name}}\n`);
    project.write(
      `elements/${name}/element-deps`,
      names
        .slice(index + 1, index + 3)
        .map((dep) => `${dep}\n`)
        .join(""),
    );
  }
  const places = ["--elements-path", "elements", "--tmp-dir", "tmp", "--image-cache", "cache"];
  const asked = ["toy-os", names[0] ?? "", "block-device-mbr", "-n", "-t", "tar,qcow2", "-o", "out/image", ...places];
  const dib = (...args: readonly string[]) =>
    execFileSync(process.execPath, [dibProgram, ...args], {
      cwd: project.dir,
      env: dibEnvironment({ cwd: project.dir }),
      maxBuffer: 2 ** 26,
      stdio: ["ignore", "pipe", "ignore"],
    }).toString();

  const before = dib("plan", "--json", ...asked);
  const { data } = JSON.parse(before) as { data: { images: { plan: BuildPlan; digest: string }[] } };
  expect(data.images[0]?.plan.elements.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  const told =
    dib("build", "--json", ...asked)
      .trimEnd()
      .split("\n")
      .at(-1) ?? "";
  const built = JSON.parse(told) as { status: string; data: { reports: BuildReport[] } };
  expect(built.data.reports[0]).toMatchObject({ planDigest: data.images[0]?.digest });
  const parts = execFileSync("tar", ["-xOf", join(project.out, "image.tar"), "./etc/parts"]).toString();
  expect(parts.trim().split("\n")).toHaveLength(30);
  expect(existsSync(join(project.dir, "cache"))).toBe(true);
  expect(dib("plan", "--json", ...asked)).toBe(before);
});
