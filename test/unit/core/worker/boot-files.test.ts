import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sortSideFiles } from "@dibjs/core/worker/boot-files.js";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "dib-test-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** What an element has put beside /out/image, by name. */
const sort = (contents: Readonly<Record<string, string>>, result: "image" | "ramdisk" | "elements" = "image") => {
  const files = Object.entries(contents).map(([name, content]) => {
    writeFileSync(join(folder, name), content);
    return { staged: join(folder, name), target: join("/out", name) };
  });
  return sortSideFiles(files, { plan: { result }, places: { output: "/out/image" } });
};

test("what a machine boots from is an output; the rest is put beside it", async () => {
  const names = ["image.vmlinuz", "image.initrd", "image.iso", "other.kernel"];
  const { bootFiles, others } = await sort(Object.fromEntries(names.map((name) => [name, "content"])));
  expect(bootFiles.map(({ extension, isOfElement }) => [extension, isOfElement])).toEqual([
    ["vmlinuz", true],
    ["initrd", true],
  ]);
  expect(others.map(({ target }) => target)).toEqual(["/out/image.iso", "/out/other.kernel"]);
});

test.each([
  ["a ramdisk without an initramfs", { "image.kernel": "content" }, "ramdisk", "/out/image.initramfs"],
  ["an empty kernel", { "image.kernel": "", "image.initramfs": "content" }, "ramdisk", "/out/image.kernel"],
  ["an empty kernel beside an image", { "image.vmlinuz": "" }, "image", "/out/image.vmlinuz"],
] as const)("%s is refused", async (_, contents, result, file) => {
  await expect(sort(contents, result)).rejects.toMatchObject({ code: "ARTIFACT_CHECK_FAILED", context: { file } });
});

test("elements with no-final-image need not leave any", async () => {
  expect(await sort({}, "elements")).toEqual({ bootFiles: [], others: [] });
});
