/** Small images, built by both: what scripts see, which of them run, and what comes out. */
import { phaseNames } from "@dibjs/core/phases/table.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildWithBoth, type Both, type Built, type Env } from "../../support/both-builds.js";
import { expectAgreement } from "../../support/differences.js";

const opened: Both[] = [];
afterAll(() => {
  for (const both of opened) both[Symbol.dispose]();
});

async function open(...request: Parameters<typeof buildWithBoth>): Promise<Both> {
  const both = await buildWithBoth(...request);
  opened.push(both);
  for (const { exitCode, log } of [both.dib, both.ours]) expect(exitCode, log.slice(-3000)).toBe(0);
  return both;
}

/** Folders and devices that have another name each time. */
function withoutNames(env: Env, { folder }: Built): Env {
  const folders = Object.entries({
    "<lib>": env["_LIB"],
    "<build>": env["TMP_BUILD_DIR"],
    "<image>": env["TMP_IMAGE_DIR"],
    "<folder>": folder,
  });
  const withPlaces = (value: string) =>
    folders.reduce((text, [name, path]) => (path === undefined ? text : text.replaceAll(path, name)), value);
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, withPlaces(value).replace(/\/dev\/loop\d+/g, "/dev/loopN")]),
  );
}

describe("a tar", () => {
  let both: Both;
  beforeAll(async () => {
    both = await open({ options: ["-t", "tar"], elements: ["manifests"], env: { DIB_NOTE: "a b", OTHER: "c" } });
  });

  test.each(phaseNames)("a script of %s sees the same variables", async (phase) => {
    const [dib, ours] = [await both.dib.env(phase), await both.ours.env(phase)];
    expectAgreement(withoutNames(dib, both.dib), withoutNames(ours, both.ours), []);
  });

  test("the same scripts run in the same order", () => {
    expect(both.ours.scripts()).toEqual(both.dib.scripts());
  });

  test("the trees are the same", async () => {
    const [dib, ours] = [await both.dib.tree(), await both.ours.tree()];
    expectAgreement(Object.fromEntries(dib), Object.fromEntries(ours), []);
  });

  test("the manifests are the same", () => {
    expectAgreement(both.dib.manifests(), both.ours.manifests(), []);
  });
});
