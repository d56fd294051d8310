/** The trees that @dibjs/testkit runs elements on, and how it fails. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import "@dibjs/testkit/vitest";
import { runElement, runPhase } from "@dibjs/testkit";
import { createExec, mustRun } from "@dibjs/core/process/exec.js";
import { coreTools } from "@dibjs/core/plan/host-tools.js";
import { anElement } from "../support/build-fixture.js";
import { resultOf } from "../support/dib.js";
import { giveToOtherUser, otherUid, startAsOtherUser } from "../support/other-user.js";
import { tempFolder } from "../support/temp-folder.js";
import { Project } from "../support/toy-os.js";

let temp: Awaited<ReturnType<typeof tempFolder>>;
beforeAll(async () => void (temp = await tempFolder()));
afterAll(() => temp[Symbol.asyncDispose]());

const leftOver = () => readdirSync("/var/tmp").filter((name) => name.startsWith("dib-testkit-"));

describe("trees", () => {
  const noop = () => anElement("noop").script("install.d/10-x").writeTo(temp.path);

  test("an element that does nothing changes nothing, not even what the build mounts on", async () => {
    expect((await runElement({ element: noop() })).tree).toEqual({ added: {}, deleted: {}, changed: {} });
  });

  test("come from folders, archives and texts, later ones over earlier ones", async () => {
    const folder = join(temp.path, "tree");
    mkdirSync(join(folder, "etc"), { recursive: true });
    for (const name of ["a", "b", "c"]) writeFileSync(join(folder, "etc", name), "folder\n");
    const packed = join(temp.path, "packed");
    mkdirSync(join(packed, "etc"), { recursive: true });
    for (const name of ["b", "c"]) writeFileSync(join(packed, "etc", name), "archive\n");
    await mustRun(createExec(), "tar", ["-C", packed, "-czf", join(temp.path, "tree.tgz"), "."]);
    const element = anElement("reads")
      .script("install.d/10-x", "cd /etc; cat a b c; stat -c '%a %u:%g' c; readlink l; stat -c %a d")
      .writeTo(temp.path);
    const run = await runPhase({
      element,
      phase: "install",
      project: temp.path,
      tree: [
        "tiny",
        { folder: "tree" },
        { tar: "tree.tgz" },
        {
          files: {
            "/etc/c": { content: "files\n", mode: 0o4711, owner: "7:8" },
            "/etc/l": { link: "c" },
            "/etc/d/": { mode: 0o750 },
          },
        },
      ],
    });
    expect(run.log.map(({ text }) => text)).toEqual(["folder", "archive", "files", "4711 7:8", "c", "750"]);
  });

  test("links of a tree lead to no file of the host, whatever is laid over them", async () => {
    const host = join(temp.path, "host");
    mkdirSync(host);
    writeFileSync(join(host, "file"), "host\n");
    const layer = join(temp.path, "layer");
    mkdirSync(join(layer, "etc"), { recursive: true });
    writeFileSync(join(layer, "etc/file"), "layer\n");
    mkdirSync(join(layer, "link"));
    writeFileSync(join(layer, "link/of-archive"), "");
    const pack = (name: string, ...paths: readonly string[]) =>
      mustRun(createExec(), "tar", ["-C", layer, "-cf", join(temp.path, name), ...paths]);
    await pack("deep.tar", "link/of-archive");
    await pack("flat.tar", "etc/file");
    const links = { files: { "/link": { link: host }, "/etc/file": { link: join(host, "file") } } };
    const files = {
      "/link/text": "image\n",
      "/link/folder/": { mode: 0o700 },
      "/etc/file": { content: "", mode: 0o4755 },
    };
    const reads = anElement("reads")
      .script("install.d/10-x", `cat /link/text ${host}/text; stat -c '%F %a' /link/folder/ /etc/file`)
      .writeTo(temp.path);
    const request = { element: reads, phase: "install", project: temp.path } as const;
    const { log } = await runPhase({ ...request, tree: ["tiny", links, { files }] });
    expect(log.map(({ text }) => text)).toEqual(["image", "image", "directory 700", "regular empty file 4755"]);
    const cat = anElement("cat").script("install.d/10-x", "cat /etc/file").writeTo(temp.path);
    for (const over of [{ tar: "flat.tar" }, "tiny"] as const)
      await runPhase({ ...request, element: cat, tree: ["tiny", links, { tar: "flat.tar" }, over] });
    await expect(runPhase({ ...request, tree: ["tiny", links, { folder: "layer" }] })).rejects.toMatchObject({
      code: "FIXTURE_TREE_FAILED",
    });
    await expect(runPhase({ ...request, tree: ["tiny", links, { tar: "deep.tar" }] })).rejects.toMatchObject({
      code: "FIXTURE_TREE_FAILED",
    });
    expect(readdirSync(host)).toEqual(["file"]);
    expect([readFileSync(join(host, "file"), "utf8"), statSync(join(host, "file")).mode & 0o7777]).toEqual([
      "host\n",
      0o644,
    ]);
  });

  test("a file or a link takes the place of a program, a link or a folder; the tiny tree is laid over any other", async () => {
    const element = anElement("calls")
      .script("install.d/10-x", "mount; vi; cat /folder; readlink /bin/cat; test -e /usr/bin/env && echo env")
      .writeTo(temp.path);
    const merged = { "/usr/bin/cat": "stub", "/bin": { link: "usr/bin" } };
    const stubs = {
      "/bin/mount": "#!/bin/sh\necho stub\n",
      "/bin/vi": { link: "mount" },
      "/folder/file": "",
    };
    const tree = [{ files: merged }, "tiny", "tiny", { files: stubs }, { files: { "/folder": "file\n" } }] as const;
    const { log } = await runPhase({ element, phase: "install", tree });
    expect(log.map(({ text }) => text)).toEqual(["stub", "stub", "file", "busybox", "env"]);
  });

  test("one that can't be made is told with its code", async () => {
    const element = noop();
    await expect(runElement({ element, tree: { tar: "/nonexistent.tar" } })).rejects.toMatchObject({
      code: "FIXTURE_TREE_FAILED",
    });
    await expect(runElement({ element, tree: { files: { "etc/motd": "" } } })).rejects.toMatchObject({
      code: "USAGE_INVALID",
    });
  });
});

describe("failures", () => {
  test("a script that fails is told with the code and the output of a build, and nothing is left", async () => {
    const before = leftOver();
    const element = anElement("fails").script("install.d/10-x", "echo why; exit 3").writeTo(temp.path);
    await expect(runElement({ element })).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      context: { element: "fails", script: "10-x", exitCode: 3, tail: expect.stringContaining("why") as string },
    });
    expect(leftOver()).toEqual(before);
  });

  test("a program that the tree is made with and this host lacks is told before anything is done", async () => {
    const element = anElement("noop").script("install.d/10-x").writeTo(temp.path);
    const bin = join(temp.path, "bin");
    mkdirSync(bin);
    for (const name of [...coreTools, "tar", "ldd"]) writeFileSync(join(bin, name), "", { mode: 0o755 });
    await expect(runElement({ element, env: { PATH: bin } })).rejects.toMatchObject({
      code: "HOST_TOOL_MISSING",
      hint: expect.stringContaining("apt-get install busybox-static") as string,
    });
  });
});

describe("an ordinary user", () => {
  let project: Project;
  beforeEach(() => {
    project = new Project();
    giveToOtherUser(project);
    project.script("install.d/10-who", 'echo "$(id -u)" > /who');
    const lines = [
      `import { runElement } from "./dibjs/packages/testkit/dist/index.js";`,
      `const run = await runElement({ element: "./elements/subject" }).catch((error) => error);`,
      `console.log(run.code ?? run.tree.added["/who"]?.content);`,
    ];
    project.write("run.mjs", lines.join("\n"));
  });
  afterEach(() => project[Symbol.dispose]());

  test.each([
    ["with sudo runs elements as root", "NOPASSWD: ALL", "0\n\n"],
    ["without it is told what is missing", "ALL", "HOST_PRIVILEGE_MISSING\n"],
  ])("%s, and nothing is left", async (_, rule, said) => {
    expect(await resultOf(startAsOtherUser(project, [], { rule, program: "run.mjs" }))).toMatchObject({ stdout: said });
    expect(leftOver().filter((name) => statSync(join("/var/tmp", name)).uid === otherUid)).toEqual([]);
  });
});
