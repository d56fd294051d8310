/**
 * The walk-through of a DIB build, read from the event stream of a real one: `dib build debian vm` with break points
 * around root. Each test is one step of it, in order.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { beforeAll, describe, expect, test } from "vitest";
import { debianBuild } from "../support/debian-build.js";

let events: readonly BuildEvent[];

beforeAll(async () => {
  ({ events } = await debianBuild());
});

type Kind = BuildEvent["type"];
type Of<K extends Kind> = Extract<BuildEvent, { type: K }>;

const all = <K extends Kind>(type: K): Of<K>[] => events.filter((event): event is Of<K> => event.type === type);
const at = (matches: (event: BuildEvent) => boolean): number => {
  const index = events.findIndex(matches);
  expect(index, "the event is in the stream").toBeGreaterThanOrEqual(0);
  return index;
};
/** What a script of the watching element said. */
const said = (script: string): string[] =>
  all("output").flatMap((event) => (event.element === "witness" && event.script === script ? [event.text] : []));
const scriptsOf = (phase: string) => all("script-start").filter((event) => event.phase === phase);
const phaseStart = (phase: string) => at((event) => event.type === "phase-start" && event.phase === phase);
const phaseEnd = (phase: string) => at((event) => event.type === "phase-end" && event.phase === phase);

describe("the walk-through", () => {
  test("1. elements are expanded: two are named, everything they need is found before anything runs", () => {
    const [expanded] = all("expanded");
    expect(expanded?.asked).toEqual(expect.arrayContaining(["debian", "vm"]));
    const names = expanded?.elements.map(({ name }) => name) ?? [];
    expect(names).toEqual(
      expect.arrayContaining([
        "base",
        "debian",
        "debian-minimal",
        "debootstrap",
        "dpkg",
        "vm",
        "block-device-mbr",
        "bootloader",
      ]),
    );
    expect(at((event) => event.type === "expanded")).toBeLessThan(at((event) => event.type === "workspace"));
  });

  test("2. the build folders are made, two of them with random names", () => {
    const [workspace] = all("workspace");
    expect(workspace?.buildDir).toMatch(/\/dib_build\.[0-9A-Za-z]{8}$/);
    expect(workspace?.imageDir).toMatch(/\/dib_image\.[0-9A-Za-z]{8}$/);
    expect(at((event) => event.type === "workspace")).toBeLessThan(phaseStart("root"));
  });

  test("2. scripts know the folders, which are the caller's, and the raw image in the second, from the start", () => {
    const [workspace] = all("workspace");
    const { buildDir, imageDir } = workspace ?? {};
    const uid = process.getuid?.();
    expect(said("01-witness-folders")).toEqual([
      `TMP_BUILD_DIR=${buildDir}`,
      `TMP_IMAGE_DIR=${imageDir}`,
      `TMP_IMAGE_PATH=${imageDir}/image0.raw`,
      `TMP_HOOKS_PATH=${buildDir}/hooks`,
      `TMP_MOUNT_PATH=${buildDir}/mnt`,
      `TARGET_ROOT=${buildDir}/mnt`,
      `owners=${uid} ${uid}`,
      expect.stringMatching(/^scripts=/) as string,
    ]);
  });

  test("2. both folders are tmpfs when memory allows", () => {
    const [workspace] = all("workspace");
    const tmpfs = all("mount")
      .filter(({ what }) => what === "tmpfs")
      .map(({ target }) => target);
    if (workspace?.tmpfs === true) expect(tmpfs).toEqual([workspace.buildDir, workspace.imageDir]);
    else expect(workspace?.note).toMatch(/memory/);
  });

  test("3. the root phase has a base in the target: the build goes on past it", () => {
    expect(phaseEnd("root")).toBeLessThan(phaseStart("extra-data"));
    expect(said("01-witness-base")[0]?.split(" ")).toEqual(expect.arrayContaining(["etc", "usr", "var"]));
  });

  test("3. resolv.conf of the image is kept as .ORIG, and a new one is made from the host's, after root", () => {
    const [workspace] = all("workspace");
    const kept = at((event) => event.type === "resolv-conf" && event.state === "kept-original");
    const written = at((event) => event.type === "resolv-conf" && event.state === "written");
    expect(kept).toBeGreaterThan(phaseEnd("root"));
    expect(written).toBeGreaterThan(kept);
    expect(written).toBeLessThan(at((event) => event.type === "script-start" && event.phase === "extra-data"));
    expect(new Set(all("resolv-conf").map(({ path }) => path))).toEqual(
      new Set([`${workspace?.buildDir}/mnt/etc/resolv.conf`]),
    );
    const sum = createHash("sha256").update(readFileSync("/etc/resolv.conf")).digest("hex");
    expect(said("01-witness-resolv").slice(1)).toEqual(["original: # of the image", `sum: ${sum}  -`]);
    expect(all("resolv-conf").at(-1)?.state).toBe("restored");
  });

  test("3. then proc, /dev, /dev/pts and sysfs are mounted into the base, in this order", () => {
    const [workspace] = all("workspace");
    const root = `${workspace?.buildDir}/mnt`;
    const between = events
      .slice(phaseEnd("root"), phaseStart("extra-data"))
      .filter((event): event is Of<"mount"> => event.type === "mount");
    expect(between.map(({ target }) => target).slice(0, 4)).toEqual([
      `${root}/proc`,
      `${root}/dev`,
      `${root}/dev/pts`,
      `${root}/sys`,
    ]);
  });

  test("4. each phase is entered through its break points: before-root and after-root stopped around the scripts of root", () => {
    const before = at((event) => event.type === "break" && event.name === "before-root");
    const after = at((event) => event.type === "break" && event.name === "after-root");
    const scripts = events.flatMap((event, index) =>
      event.type === "script-start" && event.phase === "root" ? [index] : [],
    );
    expect(scripts.length).toBeGreaterThan(1);
    expect(before).toBeLessThan(Math.min(...scripts));
    expect(after).toBeGreaterThan(Math.max(...scripts));
  });

  test("5. the hook folder is made once for all phases", () => {
    const generated = all("hooks-generated");
    expect(generated).toHaveLength(1);
    expect(generated[0]?.phases).toEqual(expect.arrayContaining(["root", "install", "finalise", "cleanup"]));
    expect(at((event) => event.type === "hooks-generated")).toBeLessThan(at((event) => event.type === "script-start"));
    // Seen from the first of its scripts: those of its own phase.
    expect(said("01-witness-folders").at(-1)).toBe("scripts=root.d/01-witness-folders root.d/99-witness-resolv");
  });

  test("6. each phase takes in environment.d in bytewise order, and then runs its scripts by number", () => {
    expect(all("environment").map(({ phase }) => phase)).toEqual(all("phase-start").map(({ phase }) => phase));
    expect(said("01-witness-resolv")[0]).toBe("word: taken in");
    expect(["root", "pre-install", "install", "finalise"].map((phase) => scriptsOf(phase).length > 1)).not.toContain(
      false,
    );
    for (const { phase, files } of all("environment")) {
      expect(files).toContain("10-witness.bash");
      expect(files).toEqual([...files].sort());
      const own = events.flatMap((event) =>
        event.type === "script-start" && event.phase === phase ? [event.script] : [],
      );
      const numbers = own.filter((name) => /^\d/.test(name)).map((name) => parseInt(name, 10));
      expect(numbers, `scripts of ${phase}`).toEqual([...numbers].sort((a, b) => a - b));
      const first = events.findIndex((event) => event.type === "script-start" && event.phase === phase);
      const taken = events.findIndex((event) => event.type === "environment" && event.phase === phase);
      if (first !== -1) expect(taken).toBeLessThan(first);
    }
  });

  test("and so on: all ten phases in order, and the finished image", () => {
    const order = [
      "root",
      "extra-data",
      "pre-install",
      "install",
      "post-install",
      "post-root",
      "block-device",
      "pre-finalise",
      "finalise",
      "cleanup",
    ];
    expect(all("phase-start").map(({ phase }) => phase)).toEqual(order);
    expect(all("artifact").map(({ artifact }) => artifact.format)).toContain("qcow2");
    expect(events.at(-1)?.type).toBe("done");
  });
});
