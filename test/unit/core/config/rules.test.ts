import { checkFormats } from "@dibjs/core/config/rules.js";
import { describe, expect, test } from "vitest";
import { codesOf, failureOf, loadPlain, loadYaml } from "./config-folder.js";
import { vector } from "../../../support/vectors.js";

describe("a setting that breaks a rule", () => {
  test.each([
    ["arch", { arch: "amd46" }, 'Did you mean "amd64"?'],
    ["arch", { arch: "vax" }, expect.stringContaining("Architectures: amd64")],
    ["output", { output: "out/" }, undefined],
    ["output", { output: "a\nb" }, undefined],
    ["output", { output: "a\0b" }, undefined],
    ["output", { output: ".." }, undefined],
    ["output", { output: "x".repeat(250) }, undefined],
    ["formats", { formats: "," }, undefined],
    ["imageSizeGiB", { imageSizeGiB: "0" }, undefined],
    ["imageSizeGiB", { imageSizeGiB: "-5" }, undefined],
    ["imageSizeGiB", { imageSizeGiB: String(2 ** 63) }, undefined],
    ["imageExtraSizeMiB", { imageExtraSizeMiB: "0" }, undefined],
    ["mkfsJournalSizeMiB", { mkfsJournalSizeMiB: "0" }, undefined],
    ["maxOnlineResize", { maxOnlineResize: "-1" }, undefined],
    ["minTmpfsGiB", { minTmpfsGiB: "0" }, undefined],
    ["sectorSizeBytes", { sectorSizeBytes: "1000" }, undefined],
    ["debugTrace", { debugTrace: "-1" }, undefined],
    ["fsType", { fsType: "ext4 -F" }, undefined],
    ["installType", { installType: "../x" }, undefined],
    ["rootLabel", { rootLabel: "my label" }, undefined],
    ["mkfsOptions", { mkfsOptions: "-O a\n-b" }, undefined],
    ["qemuImgOptions", { qemuImgOptions: "compat" }, undefined],
    ["qemuImgOptions", { qemuImgOptions: "compat=0.10,compression_type=zstd" }, "Leave out compression_type."],
    ["packages", { packages: "vim,-e,$(reboot)" }, undefined],
    ["checksums", { checksums: "sha265" }, 'Did you mean "sha256"?'],
  ])("%s: %o", async (setting, flags, hint) => {
    const error = await failureOf(loadPlain({ flags }));
    expect(error.code).toBe("CONFIG_RULE_BROKEN");
    expect(error.context).toMatchObject({ setting });
    expect(error.hint).toEqual(hint ?? expect.stringMatching(/^Correct \w+ \(-\S+\), or leave it out\.$/));
  });

  test("is told with where it came from, beside all others", async () => {
    const error = await failureOf(loadYaml("output: a/\n"));
    expect(error.context).toMatchObject({ setting: "output", value: '"a/"', origin: "dib.config.yaml:1:9" });
    expect(await codesOf(loadPlain({ flags: { imageSizeGiB: "-1", arch: "vax", breaks: "before-rot" } }))).toEqual([
      "CONFIG_RULE_BROKEN",
      "CONFIG_RULE_BROKEN",
      "BREAK_NAME_UNKNOWN",
    ]);
  });
});

test.each([
  ["packages", { packages: "vim,g++,libfoo=1.2-3~a,foo:arm64,@group,python3.11" }],
  ["qemuImgOptions", { qemuImgOptions: "compat=0.10,cluster_size=2M" }],
  ["output", { output: "a b/c d" }],
  ["output", { output: "-rf" }],
])("%s may be %o", async (setting, flags) => {
  expect((await loadPlain({ flags })).origins[setting]).not.toBe("default");
});

vector("break/match", async () => {
  const { breaks } = await loadPlain({ env: { break: "after-error, before-install" } });
  expect(breaks).toEqual(["after-error", "before-install"]);
  for (const part of ["before-install2", "before", "install", "error"])
    expect(await codesOf(loadPlain({ env: { break: part } })), part).toEqual(["BREAK_NAME_UNKNOWN"]);
});

test("a break point that does not exist is refused with the nearest", async () => {
  const error = await failureOf(loadPlain({ flags: { breaks: "before-instal" } }));
  expect([error.code, error.context]).toEqual([
    "BREAK_NAME_UNKNOWN",
    { name: "before-instal", nearest: "before-install" },
  ]);
});

test("a format that nobody makes is refused with the nearest, once elements have added theirs", () => {
  const config = { formats: ["qcow2", "qcow3", "iso"], origins: { formats: "-t" } };
  const findings = checkFormats(config, ["qcow2", "raw", "iso"]);
  expect(findings.map(({ code, context }) => [code, context])).toEqual([
    ["FORMAT_UNKNOWN", { format: "qcow3", origin: "-t", known: ["qcow2", "raw", "iso"], nearest: "qcow2" }],
  ]);
});
