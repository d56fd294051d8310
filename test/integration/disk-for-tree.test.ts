/** A tar of elements that install a boot loader: they find a disk, as in diskimage-builder, and no image of it is left. */
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { outputOf, Project } from "../support/toy-os.js";

test("a script that reads IMAGE_BLOCK_DEVICE has one for a tar, too", async () => {
  using project = new Project();
  project.script("finalise.d/50-bootloader", 'test -b "$IMAGE_BLOCK_DEVICE" && echo installed');
  const { report, events } = await project.build();
  expect(outputOf(events, "50-bootloader")).toEqual(["installed"]);
  expect(report.disk).toMatchObject({ partitions: [] }); // nobody asked for a layout: one file system
  expect(readdirSync(project.out).filter((name) => /\.(tar|raw|qcow2)$/.test(name))).toEqual(["image.tar"]);
});

test("without one no disk is made", async () => {
  using project = new Project();
  project.script("finalise.d/50-bootloader", 'echo "${IMAGE_BLOCK_DEVICE:-none}"');
  const { report, events } = await project.build();
  expect(outputOf(events, "50-bootloader")).toEqual(["none"]);
  expect(report.disk).toBeUndefined();
});
