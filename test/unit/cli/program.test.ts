import { describe, expect, test } from "vitest";
import { settings } from "@dibjs/core/config/settings.js";
import { flagsOf, settingOptions, toLoadRequest } from "@dibjs/cli/options.js";
import { createProgram, type Invocation } from "@dibjs/cli/program.js";
import { memoryTerminal } from "./memory-terminal.js";

async function parse(...argv: readonly string[]) {
  let found: (Invocation & { args: readonly string[] }) | undefined;
  const program = createProgram(memoryTerminal().terminal, (invocation) => {
    const command = program.commands.find((each) => each.name() === invocation.command);
    found = { ...invocation, args: command?.args ?? [] };
  });
  await program.parseAsync([...argv], { from: "user" });
  if (found === undefined) throw new Error("no command");
  return { ...found, flags: flagsOf(found.given) };
}

describe("options of DIB", () => {
  test.each([
    [["-a", "arm64"], { arch: "arm64" }],
    [["-o", "out/x"], { output: "out/x" }],
    [["-t", "raw", "-t", "qcow2,tar"], { formats: "qcow2,tar" }],
    [["-x"], { debugTrace: "1" }],
    [["-xx"], { debugTrace: "2" }],
    [["-u"], { qcow2Compression: "none" }],
    [["-n"], { base: false }],
    [["-p", "vim,git", "-p", "curl"], { packages: "vim,git,curl" }],
    [["--checksum"], { checksums: "1" }],
    [["--image-size", "2.5"], { imageSizeGiB: "2.5" }],
    [["--image-extra-size=100"], { imageExtraSizeMiB: "100" }],
    [["--image-cache", "c"], { cacheDir: "c" }],
    [["--max-online-resize", "9"], { maxOnlineResize: "9" }],
    [["--min-tmpfs", "4"], { minTmpfsGiB: "4" }],
    [["--mkfs-options", "-O ^metadata_csum"], { mkfsOptions: "-O ^metadata_csum" }],
    [["--mkfs-journal-size", "8"], { mkfsJournalSizeMiB: "8" }],
    [["--no-tmpfs"], { useTmpfs: false }],
    [["--offline"], { offline: true }],
    [["--qemu-img-options", "compat=0.10"], { qemuImgOptions: "compat=0.10" }],
    [["--docker-target", "team/image:1"], { dockerTarget: "team/image:1" }],
    [["--root-label", "r"], { rootLabel: "r" }],
    [["--ramdisk-element", "r"], { ramdiskElement: "r" }],
    [["--install-type", "package"], { installType: "package" }],
  ])("%j", async (argv, flags) => {
    expect((await parse("build", ...argv, "debian")).flags).toEqual(flags);
  });

  test("may stand before, between and after elements, until --", async () => {
    const { flags, args } = await parse("build", "debian", "-o", "x", "vm growroot", "-t", "raw", "", "--", "-odd");
    expect(flags).toEqual({ output: "x", formats: "raw" });
    expect(args).toEqual(["debian", "vm growroot", "", "-odd"]);
  });

  test("none given, none set", async () => {
    expect((await parse("build", "debian")).flags).toEqual({});
  });
});

describe("our options", () => {
  test.each([
    [["--compression", "zlib"], { qcow2Compression: "zlib" }],
    [["--break", "before-root,after-root"], { breaks: "before-root,after-root" }],
    [["--shell-on-error"], { shellOnError: true }],
    [["--keep"], { keep: true }],
  ])("%j", async (argv, flags) => {
    expect((await parse("plan", ...argv)).flags).toEqual(flags);
  });

  test("--env, --image and --elements-path may be repeated; a path may hold several folders", async () => {
    const { given } = await parse(
      "build",
      "--env",
      "A",
      "--env",
      "B=1",
      "--image",
      "x",
      "--image",
      "y",
      "--elements-path",
      "a:b",
      "--elements-path",
      "c",
    );
    const request = await toLoadRequest(["debian"], given);
    expect(request).toMatchObject({
      variables: ["A", "B=1"],
      images: ["x", "y"],
      elementPaths: ["a", "b", "c"],
      elements: ["debian"],
    });
  });

  test("--expect and --send keep their order", async () => {
    const { given } = await parse("boot", "x.qcow2", "--expect", "login:", "--send", "root", "--expect", "#");
    expect(given.expect).toEqual([
      { do: "expect", text: "login:" },
      { do: "send", text: "root" },
      { do: "expect", text: "#" },
    ]);
  });
});

test("every flag that core names in a message exists", () => {
  const flags = new Set([...settingOptions.map((option) => option.flags.split(" ")[0]), "-p", "-x"]);
  const named = Object.values(settings).flatMap(({ flag }) => flag ?? []);
  expect(named.filter((flag) => !flags.has(flag))).toEqual([]);
});

test.each([
  [["bild"], "commander.unknownCommand"],
  [["build", "--fo"], "commander.unknownOption"],
  [["build", "--compression", "lz4"], "commander.invalidArgument"],
  [["info"], "commander.missingArgument"],
  [["boot", "a", "b"], "commander.excessArguments"],
])("%j is a usage error", async (argv, code) => {
  await expect(parse(...argv)).rejects.toMatchObject({ code });
});

test("dib boot waits for no empty text, which an unset variable would be", async () => {
  await expect(parse("boot", "x.qcow2", "--expect", "")).rejects.toMatchObject({ code: "commander.invalidArgument" });
  expect((await parse("boot", "x.qcow2", "--send", "")).given.send).toEqual([{ do: "send", text: "" }]);
});
