import { expect, test } from "vitest";
import { probeSector } from "@dibjs/cli/boot/accelerator.js";
import { qemuCommand, readMachineOptions } from "@dibjs/cli/boot/machine.js";
import { guestArch } from "@dibjs/cli/boot/qemu.js";

const machine = {
  arch: "amd64",
  firmware: "bios",
  firmwareOptions: [],
  image: { path: "/out/a.qcow2", format: "qcow2" },
  memoryMiB: 512,
  processors: 1,
} as const;

test("the image is never written to, and a comma in its name is no option", () => {
  const command = qemuCommand({ ...machine, image: { path: "/out/a,readonly=off.qcow2", format: "qcow2" } }, "tcg");
  expect(command[0]).toBe("qemu-system-x86_64");
  expect(command).toContain("file=/out/a,,readonly=off.qcow2,format=qcow2,if=virtio,snapshot=on");
});

test.each([
  ["amd64", "ttyS0"],
  ["arm64", "ttyAMA0"],
])("a kernel of %s is given its initramfs, the serial console and the user's words, and no disk", (arch, console) => {
  const pair = { path: "/out/r.kernel", initramfs: "/out/r.initramfs", append: "troubleshoot=1  quiet" };
  const command = qemuCommand({ ...machine, arch, firmware: "none", image: pair }, "tcg");
  const at = command.indexOf("-kernel");
  expect(command.slice(at, at + 6)).toEqual([
    ...["-kernel", "/out/r.kernel", "-initrd", "/out/r.initramfs"],
    ...["-append", `console=${console} panic=-1 troubleshoot=1 quiet`],
  ]);
  expect(command).not.toContain("-drive");
});

test("arm64 gets its own program and a machine", () => {
  const command = qemuCommand({ ...machine, arch: "arm64", firmwareOptions: ["-drive", "firmware"] }, "tcg");
  expect(command[0]).toBe("qemu-system-aarch64");
  expect(command.join(" ")).toContain("-machine virt");
  expect(command).toContain("firmware");
});

test("a guest's architecture goes by Debian's name, whichever was written", () => {
  expect(["aarch64", "x86_64", "arm64", "ppc64el"].map(guestArch)).toEqual(["arm64", "amd64", "arm64", "ppc64el"]);
});

test("the sector that asks whether KVM works is one a BIOS starts", () => {
  const sector = probeSector();
  expect(sector).toHaveLength(512);
  expect(sector.readUInt16LE(510)).toBe(0xaa55);
});

test.each([
  ["x86_64", "amd64"],
  ["aarch64", "arm64"],
  ["arm64", "arm64"],
])("the kernel's name %s of an architecture is as good as Debian's", (given, arch) => {
  expect(readMachineOptions({ a: given, memory: "512", smp: "2" })).toEqual({ arch, memoryMiB: 512, processors: 2 });
});

test.each([
  [{ memory: "512", smp: "1.5" }, "--smp is 1.5"],
  [{ memory: "0.5", smp: "1" }, "--memory is 0.5"],
  [{ memory: "many", smp: "1" }, "--memory is many"],
])("a machine has no part of a processor or a MiB: %j", (given, reason) => {
  expect(() => readMachineOptions(given)).toThrow(
    expect.objectContaining({
      code: "USAGE_INVALID",
      context: { reason: expect.stringContaining(reason) as unknown },
    }) as Error,
  );
});
