/** What apt refuses after the bootstrap, on a small Debian with real apt. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAptProxy } from "../support/apt-proxy.js";
import { anElement } from "../support/build-fixture.js";
import { BuildFolder } from "../support/real-build.js";
import { openBase } from "../support/run-element.js";
import { openSmallArchive, type SmallArchive } from "../support/small-archive.js";
import { smallOs } from "../support/small-os.js";

let archive: SmallArchive;
let folder: BuildFolder;

beforeAll(async () => {
  const { codename, mirror } = await startAptProxy();
  archive = await openSmallArchive();
  folder = await BuildFolder.open();
  const own = join(folder.path, "elements");
  smallOs(await openBase(codename, mirror), codename, archive.sources).writeTo(own);
  anElement("subject").file("package-installs.yaml", "dib-test:\n").dependsOn("package-installs").writeTo(own);
});
afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
  await archive?.[Symbol.asyncDispose]();
});

const build = (elements: readonly string[], packages: readonly string[] = []) =>
  folder.build({
    elements: ["small-os", ...elements],
    elementPaths: [join(folder.path, "elements")],
    flags: { formats: ["tar"], base: false, packages },
    env: { DIB_APT_LOCAL_CACHE: "0" },
  });

const refusal = {
  code: "FETCH_CHECKSUM_WRONG",
  kind: "fetch",
  context: { url: expect.stringMatching(/\/dib-test_1\.0_all\.deb$/) as string },
};

test("a package with another checksum than its index says is refused, whoever asks for it", async () => {
  await archive.offer({ main: "1.0" });
  await archive.spoil();
  await expect(build(["subject"])).rejects.toMatchObject(refusal);
  await expect(build([], ["dib-test"])).rejects.toMatchObject(refusal);
});

test("a package of -p that nobody has is PACKAGES_FAILED, with what apt says", async () => {
  await expect(build([], ["dib-test-never-there"])).rejects.toMatchObject({
    code: "PACKAGES_FAILED",
    kind: "element",
    context: {
      packages: ["dib-test-never-there"],
      tail: expect.stringContaining("Unable to locate package dib-test-never-there") as string,
    },
  });
});
