/** The same sets of elements of the released tree, expanded by both. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BuildError } from "@dibjs/core";
import { discoverElements } from "@dibjs/core/elements/discover.js";
import { resolveElements } from "@dibjs/core/elements/resolve.js";
import type { ElementCatalog } from "@dibjs/core/elements/element.js";
import fc from "fast-check";
import { test } from "vitest";
import { expectAgreement, type Claim, type Facts } from "../../support/differences.js";
import { releasedElements, runReleased } from "../../support/released-dib.js";

/** Names in order, or why not. */
type Expanded = readonly string[] | "unknown" | "provided twice" | "no operating system";

const errors: Readonly<Record<string, Expanded>> = {
  MissingElementException: "unknown",
  ELEMENT_NOT_FOUND: "unknown",
  AlreadyProvidedException: "provided twice",
  ELEMENT_ALREADY_PROVIDED: "provided twice",
  MissingOSException: "no operating system",
  ELEMENT_NO_OPERATING_SYSTEM: "no operating system",
};

const driver = fileURLToPath(new URL("expand.py", import.meta.url));

async function expandWithDib(sets: readonly (readonly string[])[], elements: string): Promise<Facts<Expanded>> {
  const { stdout } = await runReleased(["python3", driver], {
    env: { ELEMENTS_PATH: elements, PYTHONHASHSEED: "0" },
    input: sets.map((set) => `${JSON.stringify(set)}\n`).join(""),
  });
  const answers = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { elements?: string[]; error: string });
  return Object.fromEntries(
    answers.map(({ elements, error }, index) => [
      sets[index]!.join(" "),
      elements ?? errors[error] ?? (error as Expanded),
    ]),
  );
}

async function expandWithOurs(sets: readonly (readonly string[])[], elements: string): Promise<Facts<Expanded>> {
  const catalog = await discoverElements({
    projectDir: "/",
    bundled: [],
    elementPaths: [{ path: elements, origin: "$ELEMENTS_PATH" }],
  });
  const expanded: Record<string, Expanded> = {};
  for (const set of sets) expanded[set.join(" ")] = await expandOne(set, catalog);
  return expanded;
}

async function expandOne(set: readonly string[], catalog: ElementCatalog): Promise<Expanded> {
  const asked = set.map((name) => ({ name, range: "*", origin: "arguments" }));
  const rest = { options: {}, arch: "amd64", base: false, ramdisk: false, ramdiskElement: "ramdisk" };
  try {
    return (await resolveElements({ elements: asked, ...rest }, catalog)).elements.map(({ name }) => name).sort();
  } catch (error) {
    const known = error instanceof BuildError ? errors[(error as BuildError).code] : undefined;
    if (known === undefined) throw error;
    return known;
  }
}

/** What both add to `vm`, before anything is expanded. */
const withLayout = (set: readonly string[]): readonly string[] =>
  set.includes("vm") && !set.some((name) => name.startsWith("block-device-")) ? [...set, "block-device-mbr"] : set;

test("500 random sets of released elements", async () => {
  const elements = await releasedElements();
  const names = readdirSync(elements).filter((name) => !name.startsWith("__"));
  const distributions = ["debian", "debian-minimal", "ubuntu-minimal", "centos-minimal", "opensuse-minimal", "gentoo"];
  const set = fc
    .tuple(
      fc.option(fc.constantFrom(...distributions), { freq: 8 }),
      fc.uniqueArray(fc.constantFrom(...names), { maxLength: 6 }),
    )
    .map(([os, others]) => withLayout([...new Set([...(os === null ? [] : [os]), ...others])]))
    .filter((set) => set.length > 0);
  const sets = fc.sample(set, { numRuns: 500, seed: 1 });
  const claims: Claim<Expanded>[] = [
    { id: "several-mistakes", explains: (dib, ours) => dib === "unknown" && ours === "provided twice" },
  ];
  expectAgreement(await expandWithDib(sets, elements), await expandWithOurs(sets, elements), claims);
});
