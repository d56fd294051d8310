/** Plugins that are broken, or worse: what `dib` says of them, and that nothing is left. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createExec } from "@dibjs/core/process/exec.js";
import { anElement } from "../support/build-fixture.js";
import { runDib } from "../support/dib.js";
import { tempFolder } from "../support/temp-folder.js";
import { Project } from "../support/toy-os.js";

let temp: Awaited<ReturnType<typeof tempFolder>>;
let project: string;
beforeAll(async () => {
  temp = await tempFolder();
  project = join(temp.path, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), "{}");
  anElement("toy-os").provides("operating-system").script("root.d/10-x").writeTo(join(project, "elements"));
});
afterAll(() => temp[Symbol.asyncDispose]());

/** An installed package whose plugin is this code. */
const install = (name: string, code: string) =>
  anElement(name)
    .script("install.d/10-x")
    .file("entry.mjs", code)
    .writeAsPackage(join(project, "node_modules"), { entry: "./entry.mjs" });

const run = (command: "plan" | "build", element: string) =>
  runDib(
    [command, "toy-os", element, "-n", "--elements-path", "elements", "--tmp-dir", project, "-t", "tar", "--json"],
    {
      cwd: project,
    },
  );

const errorsOf = ({ stdout }: { stdout: string }) =>
  (
    JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
      errors: { code: string; context: object; message: string }[];
    }
  ).errors;

const definition = (name: string, setup = "") => `export default { name: "${name}", setup(api) { ${setup} } };`;
const inWorker = "process.argv[1].endsWith('/worker/entry.js')";

describe.each(["plan", "build"] as const)("dib %s", (command) => {
  test.each([
    ["throws", "throw new Error('no luck');", "ELEMENT_ENTRY_FAILED"],
    ["exits", "process.exit(0);", "ELEMENT_ENTRY_EXITED"],
    ["patches", "Array.prototype.map = () => [];", "ELEMENT_ENTRY_PATCHED"],
  ])(
    "names the package of a plugin that %s at load, and leaves the project as it was",
    async (name, code, expected) => {
      install(name, `${code}\n${definition(name)}`);
      const before = readdirSync(project, { recursive: true }).sort();
      const result = await run(command, name);
      expect(result.exitCode).toBe(1);
      expect(errorsOf(result)).toMatchObject([
        {
          code: expected,
          context: { element: name, package: `dib-element-${name}` },
          message: expect.stringContaining(name) as string,
        },
      ]);
      expect(readdirSync(project, { recursive: true }).sort()).toEqual(before);
    },
  );
});

describe("in the worker", () => {
  test.each([
    ["w-throws", `if (${inWorker}) throw new Error('no luck');`, "ELEMENT_ENTRY_FAILED"],
    ["w-exits", `if (${inWorker}) process.exit(0);`, "ELEMENT_ENTRY_EXITED"],
    ["w-patches", `if (${inWorker}) Object.prototype.x = 1;`, "ELEMENT_ENTRY_PATCHED"],
  ])("a plugin that misbehaves only there (%s) is told with its package as well", async (name, code, expected) => {
    install(name, definition(name, code));
    const before = readdirSync(project, { recursive: true }).sort();
    const result = await run("build", name);
    expect(result.exitCode).toBe(1);
    expect(errorsOf(result)).toMatchObject([
      { code: expected, context: { element: name, package: `dib-element-${name}` } },
    ]);
    expect(readdirSync(project, { recursive: true }).sort()).toEqual(before);
  });
});

describe("a plugin that never comes to an end", () => {
  const setUp = fileURLToPath(new URL("../../packages/core/dist/elements/set-up.js", import.meta.url));
  const hooks = fileURLToPath(new URL("../../packages/core/dist/hooks.js", import.meta.url));

  /** Sets a plugin up with a short limit, in a process of its own, and gives the code of what it fails with. */
  const setUpSoon = async (entry: string) => {
    const element = JSON.stringify({ name: "a", version: "1.0.0", folder: "/a", entry });
    const program = join(temp.path, "set-up.mjs");
    const lines = [
      `import { setUpElements } from ${JSON.stringify(setUp)};`,
      `import { createHooks } from ${JSON.stringify(hooks)};`,
      `const failure = await setUpElements([${element}], {}, createHooks(), 300).catch((error) => error);`,
      `console.log(failure.code, "and on it goes");`,
      `process.exit();`,
    ];
    writeFileSync(program, lines.join("\n"));
    return createExec()(process.execPath, [program], { signal: AbortSignal.timeout(30_000) });
  };

  test.each([
    ["its module runs in circles", "for (;;);"],
    ["its module waits", "await new Promise(() => {});"],
    ["its module waits, and something happens all the time", "await new Promise(() => setInterval(() => {}, 1));"],
    ["setup runs in circles", definition("a", "for (;;);")],
    ["setup waits", definition("a", "return new Promise(() => {});")],
  ])("is given up in time when %s", async (what, code) => {
    const entry = join(temp.path, `${what.replace(/\W/g, "-")}.mjs`);
    writeFileSync(entry, code);
    expect(await setUpSoon(entry)).toMatchObject({ exitCode: 0, stdout: "ELEMENT_ENTRY_HUNG and on it goes\n" });
  });
});

test("what a plugin leaves running does not keep dib from ending", async () => {
  install("ticking", `setInterval(() => {}, 10);\n${definition("ticking")}`);
  expect(await run("plan", "ticking")).toMatchObject({ exitCode: 0 });
});

test("what a plugin and its programs print is output of the build, and breaks nothing", async () => {
  using toy = new Project();
  toy.write("dib.config.json", '{ "plugins": ["./plugin.mjs"] }');
  toy.write(
    "plugin.mjs",
    `import { execFileSync } from "node:child_process";
     export default (hooks) => hooks.beforePhase.for("install").tap(() => {
       console.log("logged in %s", "install"); console.error("an error"); process.stdout.write("without an end");
       execFileSync("sh", ["-c", "echo from a program; printf 'no end'; echo >&2 a complaint"], { stdio: "inherit" });
     });`,
  );
  const { events } = await toy.build({ elements: ["toy-os"] });
  const printed = events.flatMap((event) => (event.type === "output" && event.script === "-" ? [event] : []));
  expect(printed.map(({ text }) => text)).toEqual(expect.arrayContaining(["from a program", "no enda complaint"]));
  expect(printed.filter(({ text }) => !/program|complaint/.test(text))).toMatchObject([
    { phase: "install", element: "-", stream: "stdout", text: "logged in install" },
    { phase: "install", element: "-", stream: "stderr", text: "an error" },
    { phase: "install", element: "-", stream: "stdout", text: "without an end" },
  ]);
});
