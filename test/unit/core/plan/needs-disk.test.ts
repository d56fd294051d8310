import type { ElementFile } from "@dibjs/core/elements/element.js";
import { needsDisk } from "@dibjs/core/plan/needs-disk.js";
import { expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { tempFolder } from "../../../support/temp-folder.js";

const install = 'grub-install "$IMAGE_BLOCK_DEVICE"';

async function isNeeded(
  path: string,
  body: string,
  more: Partial<ElementFile> = {},
  result: "image" | "elements" = "image",
) {
  await using temp = await tempFolder();
  const folder = anElement("boot").script(path, body).writeTo(temp.path);
  const file: ElementFile = { path, kind: "file", executable: true, digest: "", ...more };
  return needsDisk([{ from: "tree" }], [{ folder, files: [file] }], result);
}

test("a format of a disk needs one, a tree by itself does not", async () => {
  expect(await needsDisk([{ from: "tree" }, { from: "disk" }], [], "image")).toBe(true);
  expect(await needsDisk([{ from: "tree" }], [], "image")).toBe(false);
});

test.each([
  ["finalise.d/50-bootloader", install],
  ["pre-finalise.d/10-x", "eval DEVICES=( $IMAGE_BLOCK_DEVICES )"],
  ["cleanup.d/90-x", "dd of=${IMAGE_BLOCK_DEVICE}"],
])("a script that takes it for granted needs one: %s %s", async (path, body) => {
  expect(await isNeeded(path, body)).toBe(true);
});

test.each([
  ["of a phase on the tree", "install.d/50-x", install, {}],
  ["that asks first", "finalise.d/50-x", `[ -n "\${IMAGE_BLOCK_DEVICE:-}" ] || exit 0\n${install}`, {}],
  ["of another variable", "finalise.d/50-x", "echo $IMAGE_BLOCK_DEVICE_NAME", {}],
  ["that does not run", "finalise.d/50-x", install, { executable: false }],
] as const)("a script %s does not", async (_, path, body, more) => {
  expect(await isNeeded(path, body, more)).toBe(false);
});

test("without an image there is no disk to ask for", async () => {
  expect(await isNeeded("finalise.d/50-x", install, {}, "elements")).toBe(false);
});
