import { existsSync, lstatSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createElementPackage } from "@dibjs/create-element/create.js";
import satisfies from "semver/functions/satisfies.js";
import { describe, expect, test } from "vitest";
import { filesUnder, read, readJson, root } from "../../house/source.js";
import { tempFolder } from "../../support/temp-folder.js";

interface Written {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

describe("templates", () => {
  test.each(["sh", "ts"])("of %s ask for versions that this clone has", (lang) => {
    const { devDependencies, peerDependencies } = readJson<Written>(
      `packages/create-element/templates/${lang}/package.json`,
    );
    const asked = { ...devDependencies, ...peerDependencies };
    const versionOf = (name: string) =>
      (JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")) as Written).version;
    expect(Object.entries(asked).filter(([name, range]) => !satisfies(versionOf(name), range))).toEqual([]);
  });

  test("of scripts are executable, as what is made of them", () => {
    const scripts = filesUnder("packages/create-element/templates").filter((file) => read(file).startsWith("#!"));
    expect(scripts).toEqual(["packages/create-element/templates/sh/elements/__element__/install.d/50-__script__"]);
    expect(scripts.filter((file) => (lstatSync(join(root, file)).mode & 0o111) === 0)).toEqual([]);
  });
});

describe("a new package", () => {
  test("has no word of a template left", async () => {
    await using temp = await tempFolder();
    const folder = join(temp.path, "x");
    const { files, package: name } = await createElementPackage({
      name: "My.motd+1",
      scope: "@acme",
      lang: "ts",
      folder,
    });
    expect(name).toBe("@acme/dib-element-my.motd-plus1");
    expect(files).toContain("elements/My.motd+1/environment.d/10-My-motd-1.bash");
    const left = files.filter((file) =>
      /\{\{|\}\}/.test(readFileSync(join(folder, file), "utf8").replace(/\$\{\{.*?\}\}/g, "")),
    );
    expect([left, files.filter((file) => file.includes("__"))]).toEqual([[], []]);
  });

  test.each([
    [undefined, "Apache-2.0", true],
    ["MIT", "MIT", true],
    ["none", "UNLICENSED", false],
  ] as const)("with the license %s says %s", async (license, expected, hasFile) => {
    await using temp = await tempFolder();
    const folder = join(temp.path, "x");
    await createElementPackage({ name: "motd", folder, license });
    expect(readFileSync(join(folder, "package.json"), "utf8")).toContain(`"license": "${expected}"`);
    expect(existsSync(join(folder, "LICENSE"))).toBe(hasFile);
  });

  test("goes into an empty folder, and into no other", async () => {
    await using temp = await tempFolder();
    const folder = join(temp.path, "x");
    mkdirSync(folder);
    await createElementPackage({ name: "motd", folder });
    await expect(createElementPackage({ name: "motd", folder })).rejects.toMatchObject({
      code: "PACKAGE_FOLDER_NOT_EMPTY",
    });
  });
});
