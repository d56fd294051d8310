/** `dib boot` with real machines: disks of one sector that talk over the serial line, under emulation. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeTalkingDisk } from "../support/boot-sector.js";
import { runDib, startDib } from "../support/dib.js";
import { dibOnTerminal } from "../support/terminal.js";

let folder: string;
let disk: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "dib boot, "));
  disk = join(folder, "toy.raw");
  writeTalkingDisk(disk);
});
afterAll(() => rmSync(folder, { recursive: true }));

const dib = (...args: readonly string[]) => runDib(["boot", ...args], where());
// Whatever they leave lies here.
const where = () => ({ cwd: folder, env: { TMPDIR: folder } });
/** Machines that have our folder's files open. */
const machines = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter(
      (pid) =>
        existsSync(`/proc/${pid}/cmdline`) &&
        readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("qemu-system") &&
        readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("toy"),
    );

describe("dib boot", () => {
  test.each([
    ["--smp", "1.5"],
    ["--memory", "512.5"],
  ])("%s %s is refused: machines have whole ones", async (...option) => {
    const { exitCode, stderr } = await dib("toy.raw", ...option);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining("USAGE_INVALID")]);
  });

  test("ends with 0 when the text came, and shows the serial line on standard output", async () => {
    const { exitCode, stdout, stderr } = await dib("toy.raw", "--expect", "login: ");
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "toy login: \n" });
    expect(stderr).toMatch(/booting .*toy\.raw \(bios, (emulated|KVM)\)/);
  });

  test("answers over the serial line", async () => {
    const { exitCode, stdout } = await dib(
      "toy.raw",
      "--expect",
      "login:",
      "--send",
      "root",
      "--expect",
      "welcome",
      "--accel",
      "tcg",
    );
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/login: root\s+welcome/) as string,
    });
  });

  test("a verdict that KVM works is no promise: what it can't start is emulated, and remembered", async () => {
    const verdict = join(folder, "dib-kvm.json");
    writeFileSync(verdict, '{"works":true}\n');
    const { exitCode, stdout, stderr } = await runDib(["boot", "toy.raw", "--expect", "login: "], {
      cwd: folder,
      env: { TMPDIR: folder, XDG_RUNTIME_DIR: folder },
    });
    expect({ exitCode, stdout }, stderr).toEqual({ exitCode: 0, stdout: "toy login: \n" });
    const fellBack = stderr.includes("once more, emulated");
    expect(stderr.match(/\((bios, (?:KVM|emulated))\)/g)?.at(-1)).toBe(
      fellBack || !existsSync("/dev/kvm") ? "(bios, emulated)" : "(bios, KVM)",
    );
    expect(JSON.parse(readFileSync(verdict, "utf8"))).toEqual({ works: !fellBack });
    rmSync(verdict);
  });

  test("a verdict against KVM is asked for again after an hour", async () => {
    const verdict = join(folder, "dib-kvm.json");
    writeFileSync(verdict, '{"works":false}\n');
    const earlier = new Date(Date.now() - 2 * 60 * 60 * 1000);
    utimesSync(verdict, earlier, earlier);
    await runDib(["doctor"], { cwd: folder, env: { TMPDIR: folder, XDG_RUNTIME_DIR: folder } });
    const wasAsked = statSync(verdict).mtimeMs > earlier.getTime();
    expect(wasAsked).toBe(existsSync("/dev/kvm"));
    rmSync(verdict);
  });

  test("--timeout without --expect ends the machine on a terminal, too", () => {
    const { exitCode, missing } = dibOnTerminal(
      ["boot", "toy.raw", "--timeout", "6", "--accel", "tcg"],
      [{ expect: "toy login:" }],
      where(),
    );
    expect([exitCode, missing]).toEqual([0, null]);
  });

  test("a text that does not come ends with 1 and the last lines", async () => {
    const { exitCode, stderr } = await dib("toy.raw", "--expect", "no such text", "--timeout", "5", "--accel", "tcg");
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/BOOT_TEXT_MISSING "no such text" did not come .* within 5 s\.\ntoy login:/);
  });

  test("a machine that can't run says why", async () => {
    const { exitCode, stderr } = await dib("toy.raw", "--expect", "login:", "--smp", "9999", "--accel", "tcg");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("BOOT_FAILED");
  });

  test("prints one envelope with --json, and the serial line elsewhere", async () => {
    const { stdout, stderr } = await dib("toy.raw", "--expect", "login:", "--json", "--accel", "tcg");
    expect(JSON.parse(stdout)).toMatchObject({ status: "ok", data: { accelerator: "tcg", firmware: "bios" } });
    expect(stderr).toContain("toy login:");
  });

  test("takes what qemu-img knows, and leaves the image as it was", async () => {
    execFileSync("qemu-img", ["convert", "-O", "qcow2", disk, join(folder, "toy.qcow2")]);
    const before = readFileSync(join(folder, "toy.qcow2"));
    expect((await dib("toy.qcow2", "--expect", "login:", "--accel", "tcg")).exitCode).toBe(0);
    expect(readFileSync(join(folder, "toy.qcow2")).equals(before)).toBe(true);
  });

  test.each([
    [
      "a VHD of full length, which begins like a raw disk",
      "toy.fixed.vhd",
      "vpc",
      ["-o", "subformat=fixed,force_size=on"],
    ],
    ["a compressed VMDK", "toy.vmdk", "vmdk", ["-o", "subformat=streamOptimized"]],
    ["a VHDX", "toy.vhdx", "vhdx", []],
    ["a VDI", "toy.vdi", "vdi", []],
  ])("starts %s", async (_, name, format, options) => {
    execFileSync("qemu-img", ["convert", "-f", "raw", "-O", format, ...options, disk, join(folder, name)]);
    const before = readFileSync(join(folder, name));
    const { exitCode, stdout } = await dib(name, "--expect", "login:", "--accel", "tcg");
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("toy login:")]);
    expect(readFileSync(join(folder, name)).equals(before)).toBe(true);
    rmSync(join(folder, name));
  });

  test("starts a disc from a drive for discs", async () => {
    const [content, medium] = [join(folder, "content"), join(folder, "toy.iso")];
    mkdirSync(content);
    copyFileSync(disk, join(content, "boot"));
    const bootable = ["-b", "boot", "-no-emul-boot", "-boot-load-size", "1"];
    execFileSync("xorriso", ["-as", "mkisofs", "-quiet", "-o", medium, ...bootable, content], { stdio: "ignore" });
    const { exitCode, stdout } = await dib("toy.iso", "--expect", "login:", "--accel", "tcg");
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining("toy login:")]);
    rmSync(medium);
    rmSync(content, { recursive: true });
  });

  test("starts UEFI firmware on request", async () => {
    const { exitCode, stdout } = await dib("toy.raw", "--firmware", "uefi", "--expect", "BdsDxe", "--timeout", "90");
    expect(exitCode, stdout).toBe(0);
  });

  test.each([
    ["a missing image", ["none.qcow2"]],
    ["a file that is no disk", ["text.img"]],
    ["a broken image", ["broken.qcow2"]],
    ["a time that is none", ["toy.raw", "--timeout", "soon"]],
    ["a kernel without its initramfs", ["alone.kernel"]],
    ["words for the kernel of a disk", ["toy.raw", "--append", "quiet"]],
  ])("%s is a usage error", async (_, args) => {
    writeFileSync(join(folder, "broken.qcow2"), Buffer.from("514649fb00000063", "hex"));
    writeFileSync(join(folder, "text.img"), "no boot record".repeat(100));
    writeFileSync(join(folder, "alone.kernel"), "");
    const { exitCode, stderr } = await dib(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("USAGE_INVALID");
  });

  test.each([
    ["SIGTERM", 143],
    ["SIGKILL", null],
  ] as const)("%s leaves no machine behind", async (signal, code) => {
    const child = startDib(["boot", "toy.raw", "--expect", "no such text", "--accel", "tcg"], where());
    await expect.poll(machines, { timeout: 60_000 }).toHaveLength(1);
    child.kill(signal);
    const [exitCode] = (await once(child, "close")) as [number | null];
    expect(exitCode).toBe(code);
    await expect.poll(machines, { timeout: 2000 }).toEqual([]);
  });
});

test("nothing is left in the temporary folder, not even by those that were killed", () => {
  expect(readdirSync(folder).sort()).toEqual(["alone.kernel", "broken.qcow2", "text.img", "toy.qcow2", "toy.raw"]);
});
