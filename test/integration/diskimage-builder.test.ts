import { expect, test } from "vitest";
import { resultOf } from "../support/dib.js";
import {
  runBuilder,
  standInEnvironment,
  startBuilder,
  startedIn,
  writeDefinitions,
} from "../support/diskimage-builder.js";
import { dropInProgram } from "../support/drop-in.js";
import { tempFolder } from "../support/temp-folder.js";
import { onTerminal } from "../support/terminal.js";

const three = [{ imagename: "a" }, { imagename: "b" }, { imagename: "c" }];

test.each([
  [
    "a wrong file after a good one",
    { "a.yaml": three, "b.yaml": "- arch: i386\n" },
    ["a.yaml", "b.yaml"],
    /^ERROR: b\.yaml:1:9: arch is "i386", /,
  ],
  ["no file", {}, [], /^diskimage-builder: no file was named\n {2}hint: See diskimage-builder --help\.\n$/],
  [
    "an unknown option",
    { "a.yaml": three },
    ["a.yaml", "--jobs"],
    /^diskimage-builder: unrecognized option '--jobs'\n/,
  ],
])("%s: exit 1, nothing started", async (_, files, args, tells) => {
  await using folder = await tempFolder();
  writeDefinitions(folder.path, files);
  const { exitCode, stdout, stderr, started } = await runBuilder({ cwd: folder.path, args });
  expect({ exitCode, stdout, started }).toEqual({ exitCode: 1, stdout: "", started: [] });
  expect(stderr).toMatch(tells);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("%s ends the image that is being built, and no other begins", async (signal, code) => {
  await using folder = await tempFolder();
  const args = writeDefinitions(folder.path, { "a.yaml": three });
  const child = startBuilder({ cwd: folder.path, args, exits: [0, "wait"] });
  child.stdout?.once("data", () => child.kill(signal));
  const { exitCode, stderr } = await resultOf(child);
  expect(exitCode).toBe(code);
  expect(stderr).toBe("disk-image-create -o a\n\ndisk-image-create -o b\n\n");
  expect(startedIn(folder.path).map(({ args, signal }) => signal ?? args?.join(" "))).toEqual(["-o a", "-o b", signal]);
});

test("a terminal's Ctrl-C reaches it once", async () => {
  await using folder = await tempFolder();
  const args = writeDefinitions(folder.path, { "a.yaml": three });
  const place = { cwd: folder.path, env: standInEnvironment(folder.path, ["wait"]) };
  const steps = [{ expect: "waiting" }, { send: "\x03" }];
  const { exitCode } = onTerminal(dropInProgram("diskimage-builder"), args, steps, place);
  expect(exitCode).toBe(130);
  expect(startedIn(folder.path).map(({ args, signal }) => signal ?? args?.join(" "))).toEqual(["-o a", "SIGINT"]);
});
