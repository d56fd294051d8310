import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { createExec } from "@dibjs/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../house/source.js";
import { anElement } from "../support/build-fixture.js";
import { serveFolder } from "../support/file-server.js";
import { tempFolder } from "../support/temp-folder.js";
import { fileOf, testDifference } from "../support/test-difference.js";
import { buildToy, textOf, type ToyRequest } from "../support/toy-image.js";

const cacheUrl = join(root, "packages/element-base/elements/cache-url/bin/cache-url");
const folders: AsyncDisposable[] = [];

afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

async function build(request: ToyRequest) {
  const built = await buildToy(request);
  folders.push(built.folder);
  return built;
}

const subject = () => anElement("subject");

describe("cache-url", () => {
  test.each([
    ["none", {}, "not found: URL/none\n"],
    ["forbidden", {}, "HTTP 403: URL/forbidden\n"],
    ["note", { DIB_LOCKED_FILES: "/dev/null" }, "not what the lock has: URL/note\n"],
  ])("says of %s where it was looked for, without the credentials", async (name, env, said) => {
    await using files = await tempFolder();
    writeFileSync(join(files.path, "note"), "note\n");
    await using server = await serveFolder(files.path, (path) => (path === "/forbidden" ? { status: 403 } : undefined));
    const { stderr } = await createExec()(
      "bash",
      [cacheUrl, `${server.url.replace("http://", "HTTP://me:canary@")}/${name}`, join(files.path, "got")],
      { env: { PATH: process.env["PATH"] ?? "", ...env } },
    );
    expect(stderr).toBe(said.replace("URL", server.url.replace("http", "HTTP")));
  });

  test("is a program of the image too, with curl; it fetches what is new and says when there is no such file", async () => {
    await using files = await tempFolder();
    await using server = await serveFolder(files.path);
    writeFileSync(join(files.path, "page"), "one\n");
    const lines = [
      `cache-url ${server.url}/page "$TARGET_ROOT/root/page"`,
      `set +e; cache-url ${server.url}/none "$TARGET_ROOT/root/none"; echo $? > "$TARGET_ROOT/root/status"`,
    ];
    const onHost = `PATH=$TMP_HOOKS_PATH/bin:$PATH\n${lines.join("\n")}`;
    const { tree } = await build({
      elements: ["cache-url", "subject"],
      fixtures: [subject().script("extra-data.d/50-fetch", onHost)],
    });
    expect(textOf(tree, "/root/page")).toBe("one\n");
    expect(textOf(tree, "/root/status")).toBe("44\n");
    expect([...tree.keys()].filter((path) => /none|\.download/.test(path))).toEqual([]);
    expect(tree.get("/usr/local/bin/cache-url")?.mode).toBe(0o755);
    expect(textOf(tree, "/var/lib/packages")).toBe("install-packages curl\n");
  });
});

describe("source-repositories", () => {
  test("credentials of an address are neither told nor kept, in the image, beside it or in the cache", async () => {
    await using sources = await tempFolder();
    makeSources(sources.path);
    execFileSync("git", ["-C", join(sources.path, "code"), "update-server-info"]);
    await using server = await serveFolder(sources.path);
    const address = (path: string) => `${server.url.replace("://", "://me:canary@")}/${path}`;
    const lines = [`code git /opt/code ${address("code/.git")} v1`, `note file /opt/note ${address("note")}`];
    const { tree, folder } = await build({
      elements: ["source-repositories", "subject"],
      fixtures: [subject().file("source-repository-subject", lines.join("\n"))],
    });
    expect(textOf(tree, "/opt/code/.git/config")).toContain(`url = ${server.url}/code/.git\n`);
    const places = ["tree", "out", "home"].map((name) => join(folder.path, name));
    expect(spawnSync("grep", ["-rl", "canary", ...places], { encoding: "utf8" }).stdout).toBe("");
    expect(JSON.stringify(folder.events)).not.toContain("canary");
  });

  test.each([
    ["code git /opt/code ADDRESS/code/.git v9", "FETCH_FAILED"],
    ["none file /opt/none ADDRESS/none", "FETCH_FAILED"],
    ["a file /opt/a ADDRESS/note\nb file /opt/a ADDRESS/other", "HOOK_TAP_FAILED"],
  ])("nor does a failure of %j tell them", async (lines, code) => {
    await using sources = await tempFolder();
    makeSources(sources.path);
    execFileSync("git", ["-C", join(sources.path, "code"), "update-server-info"]);
    await using server = await serveFolder(sources.path);
    const text = lines.replaceAll("ADDRESS", server.url.replace("://", "://me:canary@"));
    const fixture = subject().file("source-repository-subject", text);
    const failure: unknown = await build({ elements: ["source-repositories", "subject"], fixtures: [fixture] }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code });
    expect(inspect(failure, { depth: 9 })).not.toContain("canary");
  });

  describe("of each kind", () => {
    let sources: Awaited<ReturnType<typeof tempFolder>>;
    let commit: string;
    let built: Awaited<ReturnType<typeof build>>;
    beforeAll(async () => {
      sources = await tempFolder();
      folders.push(sources);
      ({ commit } = makeSources(sources.path));
      await using server = await serveFolder(sources.path);
      const lines = [
        `code git /opt/code ${sources.path}/code v1`,
        `data tar /opt/data ${server.url}/data.tar.gz *`,
        `\${DIB_FILE:-note} file /opt/note ${server.url}/note`,
      ];
      const fixture = subject().file("source-repository-subject", `# sources\n${lines.join("\n")}\n`);
      built = await build({ elements: ["source-repositories", "subject"], fixtures: [fixture] });
    });

    testDifference("source-repositories", "a git commit, an archive and a file are in the image", () => built.run, {
      added: {
        "/opt/code/file": fileOf("one\n"),
        "/opt/data/inner": fileOf("inside\n"),
        "/opt/note": fileOf("note\n"),
        "/etc/dib-source-repositories": fileOf("/opt/code\n/opt/data\n/opt/note\n"),
      },
    });

    test("the manifest has the commit", () => {
      const manifest = join(built.folder.path, "out/image.d/dib-manifests/dib-manifest-git-image");
      expect(readFileSync(manifest, "utf8")).toBe(`code git /opt/code ${sources.path}/code ${commit}\n`);
    });
  });

  test("a reference that the cache does not have yet is fetched; offline, one that it has is not", async () => {
    await using sources = await tempFolder();
    makeSources(sources.path);
    const fixture = (ref: string) =>
      subject().file("source-repository-subject", `code git /opt/code ${sources.path}/code ${ref}\n`);
    const { folder } = await build({ elements: ["source-repositories", "subject"], fixtures: [fixture("v1")] });
    const again = async (ref: string, env: Readonly<Record<string, string>> = {}) => {
      const elements = join(folder.path, "elements");
      fixture(ref).writeTo(elements);
      const { sources: found } = await folder.build({
        elements: ["toy-os", "source-repositories", "subject"],
        elementPaths: [elements],
        flags: { base: false, formats: ["tar"] },
        env,
      });
      return found.git.map(({ ref: name, commit }) => [name, commit]);
    };
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", join(sources.path, "code"), ...args])
        .toString()
        .trim();
    git("tag", "v2", "HEAD");
    expect(await again("v2")).toEqual([["v2", git("rev-parse", "HEAD")]]);
    git("tag", "--force", "v2", "v1");
    expect(await again("v2", { DIB_OFFLINE: "1" })).toEqual([["v2", git("rev-parse", "HEAD")]]);
    expect(await again("v2")).toEqual([["v2", git("rev-parse", "v1")]]);
  });

  test("a reference that does not exist ends the build", async () => {
    await using sources = await tempFolder();
    makeSources(sources.path);
    const fixture = subject().file("source-repository-subject", `code git /opt/code ${sources.path}/code v9\n`);
    await expect(build({ elements: ["source-repositories", "subject"], fixtures: [fixture] })).rejects.toMatchObject({
      code: "FETCH_FAILED",
    });
  });

  test("a line that is none is refused", async () => {
    const fixture = subject().file("source-repository-subject", "code cvs /opt/code somewhere\n");
    await expect(build({ elements: ["source-repositories", "subject"], fixtures: [fixture] })).rejects.toMatchObject({
      code: "ELEMENT_FILE_INVALID",
    });
  });
});

/** A repository with two commits, the first of which is v1; an archive with one folder; a file. */
function makeSources(folder: string): { commit: string } {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", join(folder, "code"), "-c", "user.name=t", "-c", "user.email=t@example.org", ...args], {
      encoding: "utf8",
    });
  mkdirSync(join(folder, "code"));
  git("init", "--quiet");
  for (const text of ["one\n", "two\n"]) {
    writeFileSync(join(folder, "code/file"), text);
    git("add", "file");
    git("commit", "--quiet", "-m", text);
    if (text === "one\n") git("tag", "v1");
  }
  mkdirSync(join(folder, "top"));
  writeFileSync(join(folder, "top/inner"), "inside\n");
  execFileSync("tar", ["-C", folder, "-czf", join(folder, "data.tar.gz"), "top"]);
  writeFileSync(join(folder, "note"), "note\n");
  return { commit: git("rev-parse", "v1").trim() };
}
