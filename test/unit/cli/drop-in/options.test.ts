import { readCommandLine } from "@dibjs/cli/drop-in/getopt.js";
import { helpText } from "@dibjs/cli/drop-in/help.js";
import { dropInOptions, readOptions } from "@dibjs/cli/drop-in/options.js";
import { describe, expect, test } from "vitest";

const read = (args: readonly string[], env: Record<string, string> = {}) =>
  readCommandLine({
    command: "disk-image-create",
    options: dropInOptions,
    args,
    env: { PATH: process.env["PATH"], ...env },
  });

/** What a command line sets, and its operands. */
async function parse(args: readonly string[], env?: Record<string, string>) {
  const { options, operands } = await read(args, env);
  const { flags, traces, clearsEnvironment, logFile, tells } = readOptions({ options });
  return {
    ...flags,
    ...(traces > 0 ? { traces } : {}),
    ...(clearsEnvironment ? { clearsEnvironment } : {}),
    ...(logFile === undefined ? {} : { logFile }),
    ...(tells === undefined ? {} : { tells }),
    operands,
  };
}

describe("every option", () => {
  test.each([
    [["-a", "arm64"], { arch: "arm64" }],
    [["-o", "out/x"], { output: "out/x" }],
    [["-t", "qcow2,raw"], { formats: "qcow2,raw" }],
    [["-x"], { traces: 1 }],
    [["-u"], { qcow2Compression: "none" }],
    [["-c"], { clearsEnvironment: true }],
    [["-n"], { base: false }],
    [["-p", "vim,git"], { packages: ["vim", "git"] }],
    [["-h"], { tells: "help" }],
    [["--help"], { tells: "help" }],
    [["--version"], { tells: "version" }],
    [["--checksum"], { checksums: "1" }],
    [["--image-size", "7.5"], { imageSizeGiB: "7.5" }],
    [["--image-extra-size", "100"], { imageExtraSizeMiB: "100" }],
    [["--image-cache", "/c"], { cacheDir: "/c" }],
    [["--max-online-resize", "274877906944"], { maxOnlineResize: "274877906944" }],
    [["--min-tmpfs", "4"], { minTmpfsGiB: "4" }],
    [["--mkfs-journal-size", "512"], { mkfsJournalSizeMiB: "512" }],
    [["--mkfs-options", "-O ^metadata_csum"], { mkfsOptions: "-O ^metadata_csum" }],
    [["--no-tmpfs"], { useTmpfs: false }],
    [["--offline"], { offline: true }],
    [["--qemu-img-options", "compat=0.10,x=y"], { qemuImgOptions: "compat=0.10,x=y" }],
    [["--root-label", "r"], { rootLabel: "r" }],
    [["--ramdisk-element", "dracut-ramdisk"], { ramdiskElement: "dracut-ramdisk" }],
    [["--install-type", "package"], { installType: "package" }],
    [["--docker-target", "team/image"], { dockerTarget: "team/image" }],
    [["--logfile", "log"], { logFile: "log" }],
  ])("%j", async (args, set) => {
    expect(await parse([...args, "vm"])).toEqual({ ...set, operands: ["vm"] });
  });

  test("is in --help, which says how it is called", () => {
    const help = helpText("ramdisk-image-create");
    const names = dropInOptions.flatMap(({ short, long }) => [short && `-${short}`, long && `--${long}`]);
    expect(names.filter((name) => name !== undefined && !help.includes(` ${name}`))).toEqual([]);
    expect(help).toContain("Usage: ramdisk-image-create [OPTION]... ELEMENT...");
  });
});

describe("habits of GNU getopt", () => {
  test.each<[string, readonly string[], object]>([
    [
      "options after elements",
      ["debian", "vm", "-o", "x", "growroot"],
      { output: "x", operands: ["debian", "vm", "growroot"] },
    ],
    [
      "long options by a beginning of their name",
      ["--image-s", "5", "--off", "--check", "a"],
      { imageSizeGiB: "5", offline: true, checksums: "1", operands: ["a"] },
    ],
    ["an exact name that another begins with", ["--help"], { tells: "help", operands: [] }],
    [
      "--name=value, and a value with = in it",
      ["--image-size=5", "--qemu-img-options=compat=0.10", "a"],
      { imageSizeGiB: "5", qemuImgOptions: "compat=0.10", operands: ["a"] },
    ],
    ["an empty value", ["--mkfs-options=", "a"], { mkfsOptions: "", operands: ["a"] }],
    [
      "short options in one word",
      ["-xxun", "a"],
      { traces: 2, qcow2Compression: "none", base: false, operands: ["a"] },
    ],
    ["the last of them with its value", ["-xto", "a"], { traces: 1, formats: "o", operands: ["a"] }],
    [
      "a value at its option",
      ["-aarm64", "-tqcow2,raw", "a"],
      { arch: "arm64", formats: "qcow2,raw", operands: ["a"] },
    ],
    ["-offline, which is -o ffline", ["-offline", "a"], { output: "ffline", operands: ["a"] }],
    ["a later -o after it", ["-offline", "-o", "name", "a"], { output: "name", operands: ["a"] }],
    ["-- ends the options", ["-x", "--", "-n", "--checksum"], { traces: 1, operands: ["-n", "--checksum"] }],
    ["a second -- is an element", ["--", "a", "--"], { operands: ["a", "--"] }],
    ["a value that begins with a dash", ["-o", "-x", "a"], { output: "-x", operands: ["a"] }],
    ["a value that is --", ["-o", "--", "a"], { output: "--", operands: ["a"] }],
    ["a lone dash", ["-", "a"], { operands: ["-", "a"] }],
    ["empty words, and several names in one", ["", "base vm", "-x", ""], { traces: 1, operands: ["", "base vm", ""] }],
    [
      "quotes, newlines and other scripts",
      ["-o", "it's\n'é\\", "a'b", "'"],
      { output: "it's\n'é\\", operands: ["a'b", "'"] },
    ],
  ])("%s", async (_, args, expected) => {
    expect(await parse(args)).toEqual(expected);
  });

  test("POSIXLY_CORRECT ends the options at the first element", async () => {
    expect(await parse(["a", "-x"], { POSIXLY_CORRECT: "1" })).toEqual({ operands: ["a", "-x"] });
  });

  test.each([
    [["--image"], "option '--image' is ambiguous; possibilities: '--image-size' '--image-extra-size' '--image-cache'"],
    [["--mkfs", "x"], "option '--mkfs' is ambiguous; possibilities: '--mkfs-journal-size' '--mkfs-options'"],
    [["--frobnicate"], "unrecognized option '--frobnicate'"],
    [["-z"], "invalid option -- 'z'"],
    [["-o"], "option requires an argument -- 'o'"],
    [["--image-size"], "option '--image-size' requires an argument"],
    [["--offline=yes"], "option '--offline' doesn't allow an argument"],
    [["-z", "--frob"], "invalid option -- 'z'\ndisk-image-create: unrecognized option '--frob'"],
  ])("%j is refused", async (args, says) => {
    await expect(read([...args])).rejects.toMatchObject({
      code: "USAGE_INVALID",
      message: `disk-image-create: ${says}`,
    });
  });
});

describe("what is given more than once", () => {
  test.each<[string, readonly string[], object]>([
    ["-t replaces", ["-t", "raw", "-t", "qcow2,tar"], { formats: "qcow2,tar" }],
    [
      "-p adds up, by commas and spaces",
      ["-p", "vim,git", "-p", "curl  wget,", "-p", ""],
      { packages: ["vim", "git", "curl", "wget"] },
    ],
    ["-x adds up", ["-x", "-x", "-x"], { traces: 3 }],
    ["-o: the last", ["-o", "a", "-o", "b"], { output: "b" }],
    [
      "what comes after --help counts for nothing",
      ["-o", "a", "--help", "--version", "-o", "b"],
      { output: "a", tells: "help" },
    ],
    ["--version before --help", ["--version", "-h"], { tells: "version" }],
  ])("%s", async (_, args, expected) => {
    expect(await parse(args)).toEqual({ ...expected, operands: [] });
  });
});

test("a host without getopt is told what to install", async () => {
  await expect(read(["a"], { PATH: "/nowhere" })).rejects.toMatchObject({
    code: "HOST_TOOL_MISSING",
    context: { tools: [{ tool: "getopt", debian: "util-linux" }] },
  });
});
