/** What elements put beside the output: published with it or not at all, and the whole result of a ramdisk. */
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { planImage } from "@dibjs/core";
import { createExec, type Exec } from "@dibjs/core/process/exec.js";
import { Background } from "@dibjs/core/workspace/background.js";
import { SideFiles } from "@dibjs/core/workspace/side-files.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

let project: Project;
beforeEach(() => (project = new Project()));
afterEach(() => project[Symbol.dispose]());

const out = (name: string) => join(project.out, name);
const read = (name: string) => readFileSync(out(name), "utf8");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const takeOut = `cp "$TARGET_ROOT/tmp/kernel" "$IMAGE_NAME.kernel"; cp "$TARGET_ROOT/tmp/ramdisk" "$IMAGE_NAME.initramfs"`;

/** An element that builds a ramdisk of two words. */
function writeRamdisk(): void {
  project.script("post-install.d/99-build", "echo KERNEL > /tmp/kernel; echo RAMDISK > /tmp/ramdisk");
  project.script("cleanup.d/99-take-out", takeOut);
}
const asRamdisk = { elements: ["toy-os"], flags: { ramdisk: true, ramdiskElement: "subject", formats: ["qcow2"] } };

describe("a ramdisk", () => {
  beforeEach(writeRamdisk);

  test("is a kernel and an initramfs with their sums in one file; no disk is made", async () => {
    const { report } = await project.build({
      ...asRamdisk,
      flags: { ...asRamdisk.flags, checksums: ["sha256", "md5"] },
    });
    expect(report.artifacts.map(({ format, path, digests }) => [format, path, digests["sha256"]])).toEqual([
      ["initramfs", out("image.initramfs"), sha256("RAMDISK\n")],
      ["kernel", out("image.kernel"), sha256("KERNEL\n")],
    ]);
    expect(readdirSync(project.out).sort()).toEqual([
      "image.initramfs",
      "image.kernel",
      "image.md5",
      "image.report.json",
      "image.sha256",
    ]);
    for (const algorithm of ["sha256", "md5"])
      expect(execFileSync(`${algorithm}sum`, ["-c", `image.${algorithm}`], { cwd: project.out }).toString()).toBe(
        "image.initramfs: OK\nimage.kernel: OK\n",
      );
    expect(report.disk).toBeUndefined();
  });

  test("replaces an old one, whose sums go with it", async () => {
    writeFileSync(out("image.kernel"), "old");
    writeFileSync(out("image.sha256"), "of the old ones");
    await project.build(asRamdisk);
    expect(read("image.kernel")).toBe("KERNEL\n");
    expect(existsSync(out("image.sha256"))).toBe(false);
  });

  test("leaves the old one as it was when a later script fails", async () => {
    writeFileSync(out("image.kernel"), "old");
    project.script("cleanup.d/99-zz-fail", `cat "$IMAGE_NAME.kernel"; exit 3`);
    await expect(project.build(asRamdisk)).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      context: { tail: "KERNEL" },
    });
    expect(readdirSync(project.out)).toEqual(["image.kernel"]);
    expect(read("image.kernel")).toBe("old");
  });

  test("is published also in the root folder, which nothing can cover", async () => {
    const name = `/${basename(project.dir).replace(" ", "-")}`;
    try {
      const { report } = await project.build({ ...asRamdisk, flags: { ...asRamdisk.flags, output: name } });
      expect(report.artifacts.map(({ path }) => path)).toEqual([`${name}.initramfs`, `${name}.kernel`]);
      expect(readFileSync(`${name}.kernel`, "utf8")).toBe("KERNEL\n");
    } finally {
      for (const ending of ["initramfs", "kernel", "report.json"]) rmSync(`${name}.${ending}`, { force: true });
    }
    expect(readdirSync("/").filter((entry) => entry.includes("dibjs-test"))).toEqual([]);
  });

  test("whose kernel is a link to a file of the host is an error, and that file is not touched", async () => {
    const file = project.write("kernel of the host", "KERNEL\n");
    chmodSync(file, 0o600);
    project.script("cleanup.d/99-take-out", `ln -s '${file}' "$IMAGE_NAME.kernel"; echo x > "$IMAGE_NAME.initramfs"`);
    await expect(project.build(asRamdisk)).rejects.toMatchObject({
      code: "ARTIFACT_CHECK_FAILED",
      context: { file: out("image.kernel") },
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(project.out)).toEqual([]);
  });

  test("that nobody has built is an error", async () => {
    project.script("cleanup.d/99-take-out", `echo KERNEL > "$IMAGE_NAME.kernel"`);
    await expect(project.build(asRamdisk)).rejects.toMatchObject({
      code: "ARTIFACT_CHECK_FAILED",
      context: { file: out("image.initramfs") },
    });
    expect(readdirSync(project.out)).toEqual([]);
  });
});

describe("no-final-image", () => {
  const elements = ["toy-os", "subject", "no-final-image"];

  test("by exactly this name makes no image of a disk, and formats of the tree when they are asked for", async () => {
    project.write("elements/no-final-image/README.md", "");
    writeRamdisk();
    const { report } = await project.build({ elements, flags: { formats: ["qcow2", "tar"] } });
    expect(report.artifacts.map(({ format }) => format)).toEqual(["tar", "initramfs", "kernel"]);
  });

  test("keeps the sums that an element has written", async () => {
    project.write("elements/no-final-image/README.md", "");
    writeRamdisk();
    project.script(
      "cleanup.d/99-zz-sums",
      `sha256sum "$IMAGE_NAME.kernel" "$IMAGE_NAME.initramfs" > "$IMAGE_NAME.sha256"`,
    );
    await project.build({ elements, flags: { formats: ["qcow2"], checksums: ["sha256"] } });
    expect(read("image.sha256")).toBe(
      `${sha256("KERNEL\n")}  ${out("image.kernel")}\n${sha256("RAMDISK\n")}  ${out("image.initramfs")}\n`,
    );
  });

  test("as a part of another name means nothing", async () => {
    project.write("elements/no-final-images/README.md", "");
    writeRamdisk();
    const config = await project.config([...elements.slice(0, 2), "no-final-images"], { formats: ["qcow2"] });
    const { plan } = await planImage(config);
    expect([plan.result, plan.outputs.map(({ format }) => format)]).toEqual(["image", ["qcow2"]]);
  });
});

test("files, folders and links beside an image are published with it, its boot files as outputs", async () => {
  project.script(
    "cleanup.d/99-side-files",
    `echo BOOT > "$IMAGE_NAME.vmlinuz"
     echo words > "$IMAGE_NAME-list.txt"
     mkdir "$IMAGE_NAME.new"; echo in > "$IMAGE_NAME.new/file"
     ln -s image.tar "$IMAGE_NAME.latest"
     rm "$IMAGE_NAME.stale"
     echo kept > "$(dirname "$IMAGE_NAME")/cache/word"`,
  );
  mkdirSync(out("cache"));
  writeFileSync(out("image.stale"), "");
  symlinkSync("cache", out("link"));
  const { report } = await project.build();
  expect(report.artifacts.map(({ format }) => format)).toEqual(["tar", "vmlinuz"]);
  expect(readdirSync(project.out).sort()).toEqual(
    [
      "cache",
      "image-list.txt",
      "image.latest",
      "image.new",
      "image.report.json",
      "image.tar",
      "image.vmlinuz",
      "link",
    ].sort(),
  );
  expect([read("image-list.txt"), read("image.new/file"), read("cache/word")]).toEqual(["words\n", "in\n", "kept\n"]);
});

test("a folder that is there already is written to at once: a failed build keeps what it has learnt", async () => {
  mkdirSync(out("cache"));
  project.script(
    "cleanup.d/99-cache",
    `echo kept > "$(dirname "$IMAGE_NAME")/cache/word"; echo gone > "$IMAGE_NAME.txt"; exit 1`,
  );
  await expect(project.build()).rejects.toMatchObject({ code: "SCRIPT_FAILED" });
  expect(readdirSync(project.out)).toEqual(["cache"]);
  expect(read("cache/word")).toBe("kept\n");
});

test("work folders below the output's folder stay what they are", async () => {
  project.script("cleanup.d/99-write", `echo late > "$TARGET_ROOT/late"; echo beside > "$IMAGE_NAME.txt"`);
  const { report } = await project.build({ flags: { output: join(project.dir, "image") } });
  expect(execFileSync("tar", ["-tf", report.artifacts[0]?.path ?? ""]).toString()).toContain("./late\n");
  expect(readFileSync(join(project.dir, "image.txt"), "utf8")).toBe("beside\n");
});

test("a folder beside the output that another build takes away meanwhile hinders nothing", async () => {
  mkdirSync(out(".dib-other"));
  const exec = createExec();
  const racing: Exec = (file, args, options) => {
    if (file === "mount" && args.includes("overlay")) rmSync(out(".dib-other"), { recursive: true, force: true });
    return exec(file, args, options);
  };
  const scratch = join(project.dir, "scratch");
  for (const name of ["scratch", "staging"]) mkdirSync(join(project.dir, name));
  const caller = { uid: 0, gid: 0, user: "root", home: "/root" };
  const files = new SideFiles(join(project.dir, "staging"), { output: out("image"), caller, cacheDir: "/" });
  const write = async () => writeFileSync(out("image.kernel"), "KERNEL");
  await files.catch({ background: new Background(), buildDir: scratch }, write, { exec: racing, emit() {} } as never);
  expect(files.files.map(({ target }) => target)).toEqual([out("image.kernel")]);
});
