import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../../support/run-script.js";
import { tempFolder } from "../../support/temp-folder.js";

const script = "element-users/elements/devuser/extra-data.d/50-devuser";

async function takeKeys(authorizedKeys: string, homeKey?: string) {
  await using folder = await tempFolder();
  mkdirSync(join(folder.path, ".ssh"));
  if (homeKey !== undefined) writeFileSync(join(folder.path, ".ssh/id_rsa.pub"), homeKey);
  const env = { HOME: folder.path, TMP_HOOKS_PATH: folder.path, DIB_DEV_USER_AUTHORIZED_KEYS: authorizedKeys };
  const ended = runScript(script, env);
  const taken = join(folder.path, "devuser-ssh-authorized-keys");
  return { ...ended, taken: ended.status === 0 ? readIfThere(taken) : undefined };
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // no key was taken
  }
}

test("a file of keys that is not there ends the build: nobody could log in", async () => {
  expect(await takeKeys("/nowhere/id.pub", "ssh-rsa A\n")).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("DIB_DEV_USER_AUTHORIZED_KEYS: there is no file /nowhere/id.pub") as unknown,
  });
});

test("the caller's key is taken unless /dev/null says none", async () => {
  expect(await takeKeys("", "ssh-rsa A\n")).toMatchObject({ status: 0, taken: "ssh-rsa A\n" });
  expect(await takeKeys("")).toMatchObject({ status: 0, taken: undefined });
  expect(await takeKeys("/dev/null", "ssh-rsa A\n")).toMatchObject({ status: 0, taken: undefined });
});
