/** DIB's functional tests, as its runner does them: an element and a test element of it, built by the YAML front end. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { anElement, type ElementFixture } from "../../support/build-fixture.js";
import type { DibResult } from "../../support/dib.js";
import { runDropIn } from "../../support/drop-in.js";
import { releasedElements } from "../../support/released-dib.js";
import { tempFolder } from "../../support/temp-folder.js";
import { toyOs } from "../../support/toy-image.js";
import { vector } from "../../support/vectors.js";

/** What a test element makes when it is to fail, and does. */
const sentinel = "dib-test-should-fail";

interface Ran extends DibResult {
  /** Paths in the tar; none when there is no tar. */
  readonly paths: readonly string[];
  /** The break command has found the sentinel in the image, and has fetched it. */
  readonly isToFail: boolean;
}

async function runFunctest(elements: readonly string[], fixtures: readonly ElementFixture[], path = ""): Promise<Ran> {
  await using temp = await tempFolder();
  const at = (name: string) => join(temp.path, name);
  for (const fixture of fixtures) fixture.writeTo(at("elements"));
  mkdirSync(at("tmp"));
  const image = { imagename: at("image"), types: ["tar"], "skip-base": true, "debug-trace": 1, elements };
  writeFileSync(at("functest.yaml"), JSON.stringify([image]));
  const result = await runDropIn("diskimage-builder", ["--stop-on-failure", at("functest.yaml")], {
    cwd: temp.path,
    env: {
      ELEMENTS_PATH: [at("elements"), ...(path === "" ? [] : [path]), await releasedElements()].join(":"),
      TMP_DIR: at("tmp"),
      break: "after-error",
      break_outside_target: "1",
      break_cmd: `cp -v "$TMP_MOUNT_PATH/tmp/${sentinel}" ${at("fetched")} || true`,
    },
  });
  const tar = at("image.tar");
  return {
    ...result,
    paths: existsSync(tar) ? execFileSync("tar", ["-tf", tar], { encoding: "utf8" }).split("\n") : [],
    isToFail: existsSync(at("fetched")),
  };
}

const failsOnPurpose = (condition: string) => `set -eu\n${condition}\ntouch /tmp/${sentinel}\nexit 1`;
const testElement = (script: string) => anElement("test-one").script("install.d/50-test", script);

vector("functests/tar-by-yaml", async () => {
  const ran = await runFunctest(["toy-os", "test-one"], [toyOs(), testElement("touch /etc/tested")]);
  expect(ran, ran.stderr.slice(-3000)).toMatchObject({ exitCode: 0, isToFail: false });
  expect(ran.paths).toContain("./etc/tested");
  expect(ran.paths).not.toContain(`./tmp/${sentinel}`);
});

vector("functests/should-fail", async () => {
  const ran = await runFunctest(["toy-os", "test-one"], [toyOs(), testElement(failsOnPurpose("true"))]);
  expect(ran, ran.stderr.slice(-3000)).toMatchObject({ exitCode: 1, isToFail: true, paths: [] });
});

vector(
  "functests/should-fail",
  async () => {
    const ran = await runFunctest(["toy-os", "test-one"], [toyOs(), testElement(failsOnPurpose("false"))]);
    expect(ran, ran.stderr.slice(-3000)).toMatchObject({ exitCode: 1, isToFail: false, paths: [] });
  },
  "one that fails before it",
);

vector("functests/apt-sources", async () => {
  // The test element asks for these; what it is about needs an image with /etc/apt, and no Ubuntu.
  const asked = [
    anElement("base"),
    anElement("openstack-ci-mirrors"),
    anElement("ubuntu-minimal").dependsOn("toy-os").script("root.d/50-apt", 'mkdir -p "$TARGET_ROOT/etc/apt"'),
  ];
  const tests = join(await releasedElements(), "apt-sources/test-elements");
  const ran = await runFunctest(["apt-sources", "test-sources"], [toyOs(), ...asked], tests);
  expect(ran, ran.stderr.slice(-3000)).toMatchObject({ exitCode: 1, isToFail: true });
});
