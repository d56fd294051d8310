/** Layers that are damaged, half written, in the way of each other or not to be kept: never a wrong image, a warning at worst. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { planImage, type BuildEvent } from "@dibjs/core";
import { launchWorker } from "@dibjs/core/worker/launch.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { serveFolder } from "../support/file-server.js";
import { PlainPlace } from "../support/plain-place.js";
import { Project } from "../support/toy-os.js";

let project: Project;
beforeEach(() => {
  project = new Project();
  project.script("install.d/10-x", "echo one > /etc/one; echo two > /etc/two");
});
afterEach(() => project[Symbol.dispose]());

const flags = { overwriteOldImage: true };
const restored = (events: readonly BuildEvent[]): string[] =>
  events.flatMap((event) => (event.type === "phase-restored" ? [event.phase] : []));
const texts = (events: readonly BuildEvent[], level = "warning"): string[] =>
  events.flatMap((event) => (event.type === "note" && event.level === level ? [event.text] : []));
const inImage = (path: string): string =>
  execFileSync("tar", ["-xOf", join(project.out, "image.tar"), `.${path}`], { encoding: "utf8" });

/** Folders of layers by phase. */
function layers(cache = join(project.dir, "cache")): Record<string, string> {
  const folder = join(cache, "layers");
  const names = readdirSync(folder).filter((name) => name.includes("."));
  return Object.fromEntries(
    names.map((name) => {
      const [, text = "{}"] = readFileSync(join(folder, name, "layer.json"), "utf8").split("\n");
      return [(JSON.parse(text) as { phase: string }).phase, join(folder, name)];
    }),
  );
}
const layerOf = (phase: string): string => layers()[phase] ?? "";
const before = ["root", "extra-data", "pre-install"];

describe("a layer", () => {
  const times = (file: string) => utimesSync(file, new Date(1), new Date(1));
  const damages: Readonly<Record<string, (folder: string) => void>> = {
    "with a bit that flipped": (folder) => writeFileSync(join(folder, "tree/etc/one"), "onf\n"),
    "with a file cut short": (folder) => truncateSync(join(folder, "tree/etc/one"), 2),
    "with a file more": (folder) => writeFileSync(join(folder, "tree/etc/three"), ""),
    "with a file less": (folder) => rmSync(join(folder, "tree/etc/two")),
    "with another mode, and its times set back": (folder) => {
      execFileSync("chmod", ["600", join(folder, "tree/etc/one")]);
      times(join(folder, "tree/etc/one"));
    },
    "without its tree": (folder) => rmSync(join(folder, "tree"), { recursive: true }),
  };

  test.each(Object.keys(damages))("%s is removed with a warning, and its phase runs again", async (what) => {
    await project.build();
    const folder = layerOf("install");
    damages[what]?.(folder);
    const { events } = await project.build({ flags });
    expect([restored(events).slice(0, 4), texts(events)]).toEqual([
      [...before, "post-install"],
      [`The cached result of install in ${folder} is damaged. It is removed, and the phase runs again.`],
    ]);
    expect([inImage("/etc/one"), inImage("/etc/two")]).toEqual(["one\n", "two\n"]);
    const third = await project.build({ flags: { ...flags, checksums: ["md5"] } });
    expect(restored(third.events)).toHaveLength(6);
  });

  test.each([
    ["cut short", (text: string) => text.slice(0, 200)],
    ["of another version", (text: string) => text.replace('"version":1', '"version":2')],
    ["empty", () => ""],
  ])("whose description is %s is as if it were not there", async (_, change) => {
    await project.build();
    const file = join(layerOf("install"), "layer.json");
    writeFileSync(file, change(readFileSync(file, "utf8")));
    const { events } = await project.build({ flags });
    expect(restored(events)).not.toContain("install");
    expect(inImage("/etc/one")).toBe("one\n");
  });

  test("that a killed build has half written is not used, and goes", async () => {
    await project.build();
    const folder = layerOf("install");
    const half = join(project.dir, "cache/layers", `.new-${folder.split("/").at(-1)}.1.2`);
    cpSync(folder, half, { recursive: true });
    rmSync(folder, { recursive: true });
    const { events } = await project.build({ flags });
    expect(restored(events)).not.toContain("install");
    expect(existsSync(half)).toBe(false);
  });

  test("that is taken away while a build stands on it costs the build, which begins again without layers", async () => {
    project.script(
      "cleanup.d/10-rob",
      `if [ -e "${project.dir}/rob" ]; then rm -rf "${project.dir}"/cache/layers/*.*; fi`,
    );
    await project.build();
    project.write("rob", "");
    project.script("finalise.d/10-x", "true");
    const { events } = await project.build({ flags });
    expect(texts(events)).toEqual([
      expect.stringMatching(
        /was changed or removed while a build used it .* The build begins again, without layers\.$/,
      ),
    ]);
    expect(inImage("/etc/one")).toBe("one\n");
  });
});

test("a worker whose layer was taken away ends with LAYER_LOST, and publishes nothing", async () => {
  await project.build();
  const rob = `rm -rf "${project.dir}"/cache/layers/*.*`;
  project.script("cleanup.d/10-rob", rob);
  const { plan, places } = await planImage(await project.config(undefined, { output: join(project.out, "other") }));
  const listener = {
    onEvent() {},
    onOutput() {},
    onBreak: async () => {},
    onDone: async () => undefined,
    onUpToDate: () => undefined,
  };
  const lost = launchWorker(plan, places, listener, { signal: new AbortController().signal });
  await expect(lost).rejects.toMatchObject({ code: "LAYER_LOST" });
  expect(readdirSync(project.out).filter((name) => name.startsWith("other"))).toEqual([]);
});

test("a store that is full keeps what it has, with a warning, and the image is made", async () => {
  const cache = join(project.dir, "small");
  mkdirSync(cache);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=56m", "tmpfs", cache]);
  try {
    await project.build({ flags: { cacheDir: cache } });
    project.script("pre-install.d/10-large", "head -c 60000000 /dev/zero > /etc/large");
    const { events } = await project.build({ flags: { ...flags, cacheDir: cache } });
    expect(texts(events)).toEqual([
      expect.stringMatching(/^The result of pre-install is not cached: .*No space left/s),
    ]);
    expect(inImage("/etc/one")).toBe("one\n");
    expect(readdirSync(join(cache, "layers")).filter((name) => name.startsWith(".new-"))).toEqual([]);
    expect(Object.keys(layers(cache))).toContain("root");
  } finally {
    execFileSync("umount", [cache]);
  }
});

test("of two builds that need the same the second waits for the first, and takes what it has made", async () => {
  project.script("install.d/10-x", "sleep 2; echo one > /etc/one");
  const second = project.config(undefined, { output: join(project.out, "second") });
  const { buildImage } = await import("@dibjs/core");
  const events: BuildEvent[] = [];
  const onEvent = (event: BuildEvent) => void events.push(event);
  const [{ events: ofFirst }] = await Promise.all([project.build(), buildImage(await second, { onEvent })]);
  expect(texts([...ofFirst, ...events], "info")).toContain(
    "Another build is making what this one needs; waiting for it.",
  );
  expect(Object.keys(layers())).toHaveLength(6);
  const sum = (name: string) =>
    execFileSync("tar", ["-xOf", join(project.out, name), "./etc/one"], { encoding: "utf8" });
  expect([sum("image.tar"), sum("second.tar")]).toEqual(["one\n", "one\n"]);
});

test("when the mirror has moved on, nothing that was installed from it is taken", async () => {
  const served = join(project.dir, "served");
  mkdirSync(join(served, "dists/toy"), { recursive: true });
  writeFileSync(join(served, "dists/toy/InRelease"), "Suite: toy\nDate: one\n");
  await using server = await serveFolder(served);
  const list = `${server.url.replace("http://", "")}/dists/toy/InRelease`.replaceAll("/", "_");
  project.script(
    "pre-install.d/10-apt",
    `mkdir -p /etc/apt /var/lib/apt/lists; echo "deb ${server.url}/ toy main" > /etc/apt/sources.list
printf 'Suite: toy\\nDate: one\\n' > "/var/lib/apt/lists/${list}"`,
  );
  await project.build();
  const same = await project.build({ flags: { ...flags, checksums: ["md5"] } });
  expect(restored(same.events)).toHaveLength(6);
  writeFileSync(join(served, "dists/toy/InRelease"), "Suite: toy\nDate: two\n");
  const { events } = await project.build({ flags });
  expect(restored(events)).toEqual(["root", "extra-data"]);
  expect(texts(events, "info")).toContain(`pre-install runs anew: ${server.url}/dists/toy/InRelease has changed.`);
});

describe("what can't be kept", () => {
  test.each([
    [
      "a mount of something that is no cache",
      `mkdir -p "$TARGET_ROOT/m"; mount -t tmpfs tmpfs "$TARGET_ROOT/m"`,
      /left a mount that can't be made again: \/m\.$/,
    ],
    [
      "a file in the build's work folder",
      `touch "$TMP_BUILD_DIR/mine"`,
      /left files in TMP_BUILD_DIR or TMP_IMAGE_DIR: mine\.$/,
    ],
  ])("%s ends it: later phases run in every build", async (_, body, reason) => {
    project.script("extra-data.d/10-x", body);
    const { events } = await project.build();
    expect(texts(events, "info")).toEqual([expect.stringMatching(reason)]);
    expect(restored((await project.build({ flags })).events)).toEqual(["root"]);
  });

  test("a phase whose script fetches without saying what runs in every build; what it gives may still be what it gave", async () => {
    project.script("pre-install.d/10-x", "if false; then curl http://example.invalid; fi; echo > /etc/fetched");
    await project.build();
    expect(restored((await project.build({ flags })).events)).toEqual([
      "root",
      "extra-data",
      "install",
      "post-install",
      "post-root",
    ]);
  });

  test("a phase with a break point, and what comes after", async () => {
    await project.build();
    const { events } = await project.build({
      flags: { ...flags, breaks: ["before-install"] },
      onBreak: async () => {},
    });
    expect(restored(events)).toEqual(before);
  });
});

test("a folder of the cache that a script binds into the tree is bound again for the phases that run", async () => {
  project.script(
    "root.d/50-bind",
    `mkdir -p "$DIB_IMAGE_CACHE/apt" "$TARGET_ROOT/var/cache/apt"; echo kept > "$DIB_IMAGE_CACHE/apt/deb"
mount --bind "$DIB_IMAGE_CACHE/apt" "$TARGET_ROOT/var/cache/apt"`,
  );
  project.script("install.d/10-x", "cat /var/cache/apt/deb > /etc/one");
  await project.build();
  project.script("install.d/10-x", "cat /var/cache/apt/deb /var/cache/apt/deb > /etc/one");
  const { events } = await project.build({ flags });
  expect(restored(events)).toEqual(["root", "pre-install"]);
  expect([inImage("/etc/one"), readdirSync(join(project.dir, "cache/apt"))]).toEqual(["kept\nkept\n", ["deb"]]);
});

test("a store on a file system that can carry no overlay has its layers packed", async () => {
  using place = new PlainPlace();
  const inPlace = { ...flags, cacheDir: place.path };
  const first = await project.build({ flags: inPlace });
  expect(texts(first.events, "info")).toEqual([expect.stringMatching(/^Layers are packed: .* can't carry an overlay/)]);
  expect(existsSync(join(layers(place.path).install ?? "", "tree.tar.zst"))).toBe(true);
  project.script("finalise.d/10-x", "cat /etc/one > /etc/three");
  const { events } = await project.build({ flags: inPlace });
  expect(restored(events)).toEqual(["root", "pre-install", "install", "post-install", "post-root"]);
  expect(inImage("/etc/three")).toBe("one\n");
  appendFileSync(join(layers(place.path).install ?? "", "tree.tar.zst"), "x");
  const third = await project.build({ flags: { ...inPlace, checksums: ["md5"] } });
  expect(restored(third.events)).not.toContain("install");
});

test("--refresh runs everything and keeps it anew; --no-cache neither takes nor keeps", async () => {
  await project.build();
  const old = layers();
  const refreshed = await project.build({ flags: { ...flags, layers: "refresh" } });
  expect([restored(refreshed.events), Object.keys(layers()).sort()]).toEqual([[], Object.keys(old).sort()]);
  rmSync(join(project.dir, "cache/layers"), { recursive: true });
  await project.build({ flags: { ...flags, layers: "none" } });
  expect(existsSync(join(project.dir, "cache/layers"))).toBe(false);
});
