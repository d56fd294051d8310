/** What npm create makes must work as it is: its test, its lint and its tarball. */
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createExec } from "@dibjs/core";
import { describe, expect, test } from "vitest";
import { root } from "../house/source.js";
import { runDib } from "../support/dib.js";
import { runClient } from "../support/package-managers.js";
import { tempFolder } from "../support/temp-folder.js";
import { dibOnTerminal } from "../support/terminal.js";

const exec = createExec();

/** Packages of this clone and its own tools take the place of `npm install`. */
function linkDependencies(folder: string): void {
  const modules = join(folder, "node_modules");
  for (const name of ["@dibjs", "@types", ".bin"]) mkdirSync(join(modules, name), { recursive: true });
  for (const name of ["cli", "core", "testkit"])
    symlinkSync(join(root, "packages", name), join(modules, "@dibjs", name));
  for (const name of ["typescript", "vitest", "@types/node"])
    symlinkSync(join(root, "node_modules", name), join(modules, name));
  for (const name of ["dib", "tsc", "vitest"])
    symlinkSync(join(root, "node_modules/.bin", name), join(modules, ".bin", name));
}

/** Runs `npm create`'s program, without a terminal. */
const create = (cwd: string, ...args: readonly string[]) =>
  exec(process.execPath, [join(root, "packages/create-element/bin/create-element.js"), ...args], { cwd });

describe.each(["sh", "ts"])("a package made with --lang %s", (lang) => {
  // Every image has an /etc/passwd: the name is not to clash with it.
  test("passes its own test, lints clean, and its tarball has everything", async () => {
    await using temp = await tempFolder();
    const { exitCode, stderr } = await create(temp.path, "passwd", "--lang", lang, "--scope", "acme");
    expect([exitCode, stderr]).toEqual([0, ""]);
    const folder = join(temp.path, "dib-element-passwd");
    linkDependencies(folder);
    expect((await runClient("npm", ["test"], folder)).stdout).toMatch(lang === "sh" ? /^# pass 2$/m : /2 passed/);
    expect((await runClient("npm", ["run", "lint"], folder)).stderr).toContain("nothing found");
    await runClient("npm", ["pack"], folder);
    const { stdout } = await exec("tar", ["-tzf", join(folder, "acme-dib-element-passwd-1.0.0.tgz")]);
    const script = lang === "sh" ? "elements/passwd/install.d/50-passwd" : "dist/index.js";
    for (const file of ["dib-manifest.json", "elements/passwd/environment.d/10-passwd.bash", script])
      expect(stdout.split("\n")).toContain(`package/${file}`);
  });
});

describe("npm create and dib new", () => {
  test("make the same package", async () => {
    await using temp = await tempFolder();
    const args = ["hello", "--description", 'Says "hello"\nto all.', "--license", "MIT"];
    await create(temp.path, ...args, "--folder", "a");
    expect((await runDib(["new", ...args, "--folder", "b/c", "--json"], { cwd: temp.path })).exitCode).toBe(0);
    const { exitCode } = await exec("diff", ["-r", join(temp.path, "a"), join(temp.path, "b/c")]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(readFileSync(join(temp.path, "a/package.json"), "utf8"))).toMatchObject({
      description: 'Says "hello" to all.',
      license: "MIT",
    });
  });

  test.each([
    [["../x"], "ELEMENT_NAME_INVALID"],
    [["--", "-x"], "ELEMENT_NAME_INVALID"],
    [[""], "ELEMENT_NAME_INVALID"],
    [["a".repeat(300)], "ELEMENT_NAME_INVALID"],
    [["x", "--scope", "No Scope"], "PACKAGE_NAME_INVALID"],
    [["x", "--folder", "full"], "PACKAGE_FOLDER_NOT_EMPTY"],
    [["x", "--folder", "full/file"], "PACKAGE_FOLDER_NOT_EMPTY"],
    [[], "USAGE_INVALID"],
  ])("refuse %j alike, ask nothing, and leave nothing behind", async (args, code) => {
    await using temp = await tempFolder();
    mkdirSync(join(temp.path, "full"));
    writeFileSync(join(temp.path, "full/file"), "");
    const results = [await runDib(["new", ...args], { cwd: temp.path }), await create(temp.path, ...args)];
    expect(results.map(({ exitCode, stderr }) => [exitCode, stderr.includes(code)])).toEqual([
      [2, true],
      [2, true],
    ]);
    expect(readdirSync(temp.path)).toEqual(["full"]);
  });

  test("ask on a terminal for what was not said", async () => {
    await using temp = await tempFolder();
    const { exitCode, missing } = dibOnTerminal(
      ["new", "--license", "none"],
      [
        { expect: "Name of the element" },
        { send: "../x\r" },
        { expect: "is not an element name" },
        { send: "\u007f\u007f\u007f\u007fhello\r" },
        { expect: "Written in" },
        { send: "\r" },
        { expect: "one sentence" },
        { send: "Says hello.\r" },
        { expect: "Made dib-element-hello" },
      ],
      { cwd: temp.path },
    );
    expect([exitCode, missing]).toEqual([0, null]);
    expect(readFileSync(join(temp.path, "dib-element-hello/package.json"), "utf8")).toContain("Says hello.");
  });

  test("interrupted at a question make nothing", async () => {
    await using temp = await tempFolder();
    const steps = [{ expect: "Written in" }, { send: "\u0003" }];
    expect(dibOnTerminal(["new", "hello"], steps, { cwd: temp.path })).toMatchObject({ exitCode: 130 });
    expect(readdirSync(temp.path)).toEqual([]);
  });
});
