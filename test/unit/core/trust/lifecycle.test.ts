import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { findScriptedPackages } from "@dibjs/core/trust/lifecycle.js";
import { tempFolder } from "../../../support/temp-folder.js";

test("packages with lifecycle scripts are found wherever a package manager puts them, once each", async () => {
  await using project = await tempFolder();
  const modules = join(project.path, "node_modules");
  const put = async (path: string, content: object | string) => {
    await mkdir(join(modules, path), { recursive: true });
    const text = typeof content === "string" ? content : JSON.stringify({ version: "1.0.0", ...content });
    await writeFile(join(modules, path, "package.json"), text);
  };
  await put("quiet", { name: "quiet", scripts: { test: "true", prepare: "true", postinstall: "" } });
  await put("broken", "{");
  await put("strange", { name: "strange", scripts: { install: ["no", "text"] } });
  await put("@acme/loud", { name: "@acme/loud", scripts: { postinstall: "b", preinstall: "a" } });
  await put("quiet/node_modules/inner", { name: "inner", scripts: { install: "c" } });
  await put(".pnpm/stored@2.0.0/node_modules/stored", { name: "stored", version: "2.0.0", scripts: { install: "d" } });
  await symlink(".pnpm/stored@2.0.0/node_modules/stored", join(modules, "stored"));
  await put("native", { name: "native" });
  await writeFile(join(modules, "native/binding.gyp"), "");
  await symlink(dirname(modules), join(modules, "circle"));

  const found = await findScriptedPackages(project.path);
  expect(found.map(({ name, version, scripts }) => ({ label: `${name}@${version}`, scripts }))).toEqual([
    { label: "@acme/loud@1.0.0", scripts: { preinstall: "a", postinstall: "b" } },
    { label: "inner@1.0.0", scripts: { install: "c" } },
    { label: "native@1.0.0", scripts: { install: "node-gyp rebuild" } },
    { label: "stored@2.0.0", scripts: { install: "d" } },
  ]);
});
