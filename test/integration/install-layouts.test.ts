/** Elements as npm, pnpm and yarn really lay them out: which are found, which version, and what is refused. */
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { discoverElements } from "@dibjs/core";
import { loadElement } from "@dibjs/core/elements/load.js";
import { resolveElements } from "@dibjs/core/elements/resolve.js";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { anElement, type PackageFixture } from "../support/build-fixture.js";
import { clientPath } from "../support/package-managers.js";
import { tempFolder } from "../support/temp-folder.js";
import { yarn4 } from "../support/yarn-4.js";

const clients = {
  npm: ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
  "npm, nested": ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--install-strategy=nested"],
  "npm, linked": ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--install-strategy=linked"],
  pnpm: ["pnpm", "install", "--ignore-scripts", "--no-frozen-lockfile"],
  "yarn 1": ["yarn", "install", "--ignore-scripts", "--no-progress"],
  "yarn 4": ["npx", "-y", yarn4, "install", "--no-immutable"],
} as const;
type Client = keyof typeof clients;

let temp: Awaited<ReturnType<typeof tempFolder>>;
const exec = createExec();
beforeAll(async () => void (temp = await tempFolder()));
afterAll(() => temp[Symbol.asyncDispose]());

/** As whoever runs the tests: their settings say where the clients themselves come from. */
const env = { ...process.env, PATH: clientPath } as Record<string, string>;

/** Packs an element as a tarball, from where projects install it. `dependencies` are tarballs, too. */
async function pack(
  name: string,
  { dependencies = {}, ...written }: PackageFixture & { dependencies?: Record<string, string> } = {},
): Promise<string> {
  const { version = "1.0.0" } = written;
  const home = join(temp.path, `src-${name}-${version}`);
  const folder = anElement(name).script(`install.d/10-${name}`).writeAsPackage(home, written);
  const file = join(folder, "package.json");
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, "utf8")) as object), dependencies }));
  await mustRun(exec, "npm", ["pack", "--ignore-scripts", "--pack-destination", home], { cwd: folder, env });
  return `file:${join(home, `dib-element-${name}-${version}.tgz`)}`;
}

async function install(
  client: Client,
  name: string,
  manifest: object,
  settings: Readonly<Record<string, string>> = {},
) {
  const project = join(temp.path, name);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name, version: "1.0.0", private: true, ...manifest }));
  for (const [file, text] of Object.entries(settings)) {
    mkdirSync(join(project, file, ".."), { recursive: true });
    writeFileSync(join(project, file), text);
  }
  const [program, ...args] = clients[client];
  await mustRun(exec, program, args, { cwd: project, env });
  return project;
}

async function resolveIn(projectDir: string, ...names: readonly string[]) {
  const catalog = await discoverElements({ elementPaths: [], bundled: [], projectDir });
  const elements = names.map((name) => ({ name, range: "*", origin: "arguments" }));
  const request = { elements, options: {}, arch: "amd64", base: false, ramdisk: false, ramdiskElement: "ramdisk" };
  return resolveElements(request, catalog);
}

const versionsOf = ({ elements }: Awaited<ReturnType<typeof resolveIn>>) =>
  elements.map(({ name, version }) => `${name} ${version}`);

const nodeModules = { "yarn 4": { ".yarnrc.yml": "nodeLinker: node-modules\n" } } as const;
const settingsOf = (client: Client) => (client === "yarn 4" ? nodeModules[client] : {});

describe.each(Object.keys(clients) as Client[])("%s", (client) => {
  const at = (name: string) => `${client.replace(/\W+/g, "-")}-${name}`;

  test("brings what an element depends on, one copy of each, with scripts that run", async () => {
    const base = await pack("base", { version: "1.2.0-rc.1" });
    const os = await pack("os", {
      provides: { os: ["operating-system"] },
      requires: { base: "^1.1.0" },
      dependencies: { "dib-element-base": base },
    });
    const project = await install(client, at("plain"), { dependencies: { "dib-element-os": os } }, settingsOf(client));
    const set = await resolveIn(project, "os");
    expect(versionsOf(set)).toEqual(["base 1.2.0-rc.1", "os 1.0.0"]);
    for (const element of set.elements) {
      expect(element.source).toBe("package");
      expect((await loadElement(element)).files).toMatchObject([
        { path: `install.d/10-${element.name}`, executable: true },
      ]);
    }
  });

  test("may bring two versions of an element, and that is told with the folders of both", async () => {
    const [first, second] = [await pack("base", { version: "1.0.0" }), await pack("base", { version: "2.0.0" })];
    const os = await pack("os", {
      version: "2.0.0",
      provides: { os: ["operating-system"] },
      requires: { base: "*" },
      dependencies: { "dib-element-base": second },
    });
    const dependencies = { "dib-element-os": os, "dib-element-base": first };
    const project = await install(client, at("copies"), { dependencies }, settingsOf(client));
    await expect(resolveIn(project, "os")).rejects.toMatchObject({
      code: "ELEMENT_COPIES",
      context: { name: "base", folders: { length: 2 } },
    });
  });
});

describe("workspaces and links", () => {
  /** An element of the repository, one of a folder beside it, and the image that needs both. */
  const repository = (linked: string, range: string) => ({
    "elements/os/package.json": JSON.stringify({
      name: "dib-element-os",
      version: "3.0.0",
      dib: { apiVersion: 1, elements: { os: "." }, provides: { os: ["operating-system"] }, requires: { linked: "*" } },
      devDependencies: { "dib-element-linked": linked },
    }),
    "elements/os/install.d/10-os": "#!/bin/sh\n",
    "image/package.json": JSON.stringify({
      name: "image",
      version: "1.0.0",
      dependencies: { "dib-element-os": range, "dib-element-linked": linked },
    }),
  });

  test.each([
    ["npm", "*", {}],
    ["yarn 1", "*", {}],
    ["yarn 4", "workspace:*", nodeModules["yarn 4"]],
    ["pnpm", "workspace:*", { "pnpm-workspace.yaml": "packages: [elements/*, image]\n" }],
  ] as const)("of %s are elements under their own folders", async (client, range, settings) => {
    const outside = join(temp.path, `beside-${client.replace(" ", "-")}`);
    const linked = anElement("linked").script("install.d/10-linked").writeAsPackage(outside);
    const project = await install(
      client,
      `workspace-${client.replace(" ", "-")}`,
      client === "pnpm" ? {} : { workspaces: ["elements/*", "image"] },
      { ...repository(`${client === "npm" ? "file" : "link"}:${linked}`, range), ...settings },
    );
    const { elements } = await resolveIn(join(project, "image"), "os");
    expect(elements.map(({ name, version, package: from }) => [name, version, from?.folder])).toEqual([
      ["linked", "1.0.0", realpathSync(linked)],
      ["os", "3.0.0", realpathSync(join(project, "elements/os"))],
    ]);
  });
});

test("yarn's Plug'n'Play is refused with its file, and what to set instead", async () => {
  const os = await pack("os", { version: "4.0.0", provides: { os: ["operating-system"] } });
  const project = await install("yarn 4", "pnp", { dependencies: { "dib-element-os": os } });
  await expect(resolveIn(project, "os")).rejects.toMatchObject({
    code: "PLUG_N_PLAY_UNSUPPORTED",
    context: { file: join(project, ".pnp.cjs") },
    hint: expect.stringContaining("nodeLinker: node-modules") as string,
  });
});
