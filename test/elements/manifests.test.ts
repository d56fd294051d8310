import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { anElement } from "../support/build-fixture.js";
import { tempFolder } from "../support/temp-folder.js";
import { buildToy, textOf, type ToyRequest } from "../support/toy-image.js";

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

describe("manifests and element-manifest", () => {
  test("list elements, arguments and variables in the image and beside it, without secrets", async () => {
    const { tree, folder } = await build({
      elements: ["element-manifest"],
      env: { DIB_NOTE: "seen", DIB_DEV_USER_PASSWORD: "hidden" },
    });
    expect(textOf(tree, "/etc/dib-manifests/dib-element-manifest").split("\n")).toEqual(
      expect.arrayContaining(["element-manifest", "manifests", "toy-os"]),
    );
    expect(tree.get("/etc/dib-manifests/dib_environment")).toMatchObject({ mode: 0o600, owner: "0:0" });
    const beside = readFileSync(join(folder.path, "out/image.d/dib-manifests/dib_environment"), "utf8");
    expect(beside).toMatch(/DIB_NOTE="seen"/);
    expect(beside).not.toMatch(/hidden/);
  });

  test("a link of the image on the way to them leads nowhere outside it", async () => {
    await using host = await tempFolder();
    mkdirSync(join(host.path, "manifests"));
    writeFileSync(join(host.path, "manifests/of-the-host"), "");
    chownSync(join(host.path, "manifests/of-the-host"), 1234, 1234);
    const fixture = subject().script("root.d/50-link", `ln -s ${host.path} "$TARGET_ROOT/var/run"`);
    const { folder } = await build({
      elements: ["element-manifest", "subject"],
      fixtures: [fixture],
      env: { DIB_MANIFEST_IMAGE_DIR: "/var/run/manifests/" },
    });
    const files = ["dib-element-manifest", "dib_arguments", "dib_environment"];
    expect(readdirSync(join(host.path, "manifests"))).toEqual(["of-the-host"]);
    expect(statSync(join(host.path, "manifests/of-the-host"))).toMatchObject({ uid: 1234, mode: 0o100644 });
    expect(readdirSync(join(folder.path, "out/image.d/manifests")).sort()).toEqual(files);
  });

  test.each([
    ["DIB_MANIFEST_IMAGE_DIR", ""],
    ["DIB_MANIFEST_IMAGE_DIR", "/etc/.."],
    ["DIB_MANIFEST_SAVE_DIR", ""],
  ])("%s=%s fails: it would be all of the image, or no place", async (name, value) => {
    const fixture = subject().file("environment.d/50-subject", `export ${name}=${value}\n`);
    await expect(build({ elements: ["manifests", "subject"], fixtures: [fixture] })).rejects.toMatchObject({
      code: "HOOK_TAP_FAILED",
      message: expect.stringContaining(name) as string,
    });
  });

  test("give the caller what they make, and nothing else of the folder they are in", async () => {
    await using saved = await tempFolder();
    const others = join(saved.path, "of-another");
    writeFileSync(others, "");
    chownSync(others, 1234, 1234);
    await build({ elements: ["manifests"], env: { DIB_MANIFEST_SAVE_DIR: `${saved.path}/new/folder` } });
    await build({ elements: ["manifests"], env: { DIB_MANIFEST_SAVE_DIR: saved.path } });
    expect(statSync(others).uid).toBe(1234);
    expect(readdirSync(join(saved.path, "dib-manifests"))).toContain("dib_arguments");
    expect(readdirSync(join(saved.path, "new/folder"))).toEqual(["dib-manifests"]);
  });
});

describe("manifests beside an image", () => {
  test("are its own: a build that fails after they are written leaves the old ones", async () => {
    const { folder } = await build({ elements: ["manifests"] });
    const again = (flags: object) =>
      folder.build({
        elements: ["toy-os", "manifests"],
        elementPaths: [join(folder.path, "elements")],
        flags: { base: false, formats: ["tar"], ...flags },
      });
    const manifests = join(folder.path, "out/image.d/dib-manifests");
    writeFileSync(join(manifests, "of-the-old-image"), "");
    const bad = { formats: ["tar", "qcow2"], qemuImgOptions: "cluster_size=3" }; // no power of two
    await expect(again(bad)).rejects.toMatchObject({ code: "FORMAT_FAILED" });
    expect(readdirSync(manifests)).toContain("of-the-old-image");
    await again({});
    expect(readdirSync(manifests).sort()).toEqual(["dib_arguments", "dib_environment"]);
    expect(readdirSync(join(folder.path, "out")).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
