import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { anElement } from "../../support/build-fixture.js";
import { startRegistry } from "../../support/registry.js";
import { tempFolder } from "../../support/temp-folder.js";

test("what npm, pnpm and yarn publish or install goes through the test registry", async () => {
  await using registry = await startRegistry();
  await using work = await tempFolder();
  await registry.publish(anElement("one").script("install.d/10-one").writeAsPackage(work.path));
  await registry.publish(anElement("two").script("install.d/10-two").writeAsPackage(work.path), "pnpm");
  for (const client of ["npm", "pnpm", "yarn"] as const) {
    const project = join(work.path, client);
    await mkdir(project);
    await registry.run("npm", ["init", "-y"], project);
    await registry.run(client, [client === "npm" ? "install" : "add", "dib-element-one", "dib-element-two"], project);
    const modules = join(project, "node_modules");
    expect(await readFile(join(modules, "dib-element-one/install.d/10-one"), "utf8")).toContain("#!/bin/bash");
    expect(await readFile(join(modules, "dib-element-two/install.d/10-two"), "utf8")).toContain("#!/bin/bash");
  }
  await registry.stop();
  await expect(fetch(registry.url)).rejects.toThrow("fetch failed");
});
