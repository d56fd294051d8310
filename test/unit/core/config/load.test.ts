import { join } from "node:path";
import { settingNames } from "@dibjs/core/config/settings.js";
import { describe, expect, test } from "vitest";
import { loadElementPlaces } from "@dibjs/core/config/load.js";
import { aFolder, codesOf, failureOf, host, load, loadPlain, loadYaml } from "./config-folder.js";

describe("precedence", () => {
  const yaml = "images:\n  web:\n    imageSizeGiB: 3\nimageSizeGiB: 2\nrootLabel: top\n";

  test("flags win over the environment, that over the image, that over the top of the file, that over defaults", async () => {
    const both = { env: { DIB_IMAGE_SIZE: "4" }, flags: { imageSizeGiB: "5" } };
    const size = async (request: object) => (await loadYaml(yaml, request)).imageSizeGiB;
    expect(await size(both)).toBe(5);
    expect(await size({ env: both.env })).toBe(4);
    expect(await size({})).toBe(3);
    expect((await loadYaml("imageSizeGiB: 2")).imageSizeGiB).toBe(2);
    expect((await loadYaml("output: x")).imageSizeGiB).toBe(undefined);
  });

  test("an empty variable or flag counts as not given", async () => {
    const { arch, output } = await loadPlain({ env: { ARCH: "" }, flags: { output: "" } });
    expect({ arch, output }).toEqual({ arch: "amd64", output: "image" });
  });
});

describe("origins", () => {
  test("say for each value where it came from", async () => {
    const { origins } = await loadYaml(
      "output: x\nimages:\n  web:\n      arch: arm64\n      tmpfs: { minGiB: 4 }\n      elements: [vm]\n",
      {
        env: { DIB_IMAGE_SIZE: "2", FS_TYPE: "xfs" },
        flags: { imageSizeGiB: "5" },
      },
    );
    expect(origins).toMatchObject({
      imageSizeGiB: "--image-size",
      fsType: "$FS_TYPE",
      output: "dib.config.yaml:1:9",
      arch: "dib.config.yaml:4:13",
      minTmpfsGiB: "dib.config.yaml:5:24",
      elements: "dib.config.yaml:6:18",
      image: "dib.config.yaml:4:7",
      rootLabel: "default",
    });
  });

  test("are there for every setting", async () => {
    expect(Object.keys((await loadPlain()).origins)).toEqual(expect.arrayContaining([...settingNames]));
  });

  test("name the file alone, so that a plan is the same in every folder", async () => {
    const { images } = await load(
      { "conf/my.yaml": "environment:\n  DIB_RELEASE: noble\n" },
      { configFile: "conf/my.yaml" },
    );
    expect(images[0]?.environment.DIB_RELEASE?.origin).toBe("my.yaml:2:16");
  });
});

describe("elements", () => {
  test("are words with ranges, however the words are grouped; empty ones are ignored", async () => {
    const { elements } = await loadPlain({ elements: ["", "debian vm@^1.2 ", "\t", "@acme/motd@1"] });
    expect(elements.map(({ name, range }) => `${name} ${range}`)).toEqual(["debian *", "vm ^1.2", "@acme/motd 1"]);
    expect(elements[0]?.origin).toBe("command line");
  });

  test("of IMAGE_ELEMENT come before the arguments, as in DIB", async () => {
    const { elements } = await loadPlain({ elements: ["vm"], env: { IMAGE_ELEMENT: "base debian" } });
    expect(elements.map(({ name, origin }) => [name, origin])).toEqual([
      ["base", "$IMAGE_ELEMENT"],
      ["debian", "$IMAGE_ELEMENT"],
      ["vm", "command line"],
    ]);
  });

  test("of the command line replace those of the file, whose options stay", async () => {
    const yaml =
      "elements:\n  - debian\n  - { name: vm, version: '>=1 <2', options: { a: 1 } }\noptions: { growroot: { device: /dev/sda } }\n";
    expect((await loadYaml(yaml)).elements).toEqual([
      { name: "debian", range: "*", origin: "dib.config.yaml:2:5" },
      { name: "vm", range: ">=1 <2", origin: "dib.config.yaml:3:5" },
    ]);
    const given = await loadYaml(yaml, { elements: ["ubuntu"] });
    expect(given.elements.map(({ name }) => name)).toEqual(["ubuntu"]);
    expect(given.options).toEqual({ growroot: { device: "/dev/sda" }, vm: { a: 1 } });
  });

  test("are looked up in folders in order: flag, ELEMENTS_PATH, config", async () => {
    const { images, folder } = await load(
      { "conf/dib.config.yaml": "elementPaths: [elements, ~/more, /abs]\nplugins: [./tap.mjs, '@acme/dib-plugin']\n" },
      { configFile: "conf/dib.config.yaml", env: { ELEMENTS_PATH: "one::/two" }, elementPaths: ["zero"] },
    );
    expect(images[0]?.elementPaths.map(({ path, origin }) => [path, origin])).toEqual([
      [join(folder, "zero"), "--elements-path"],
      [join(folder, "one"), "$ELEMENTS_PATH"],
      ["/two", "$ELEMENTS_PATH"],
      [join(folder, "conf/elements"), "dib.config.yaml:1:16"],
      ["/home/ada/more", "dib.config.yaml:1:26"],
      ["/abs", "dib.config.yaml:1:34"],
    ]);
    expect(images[0]?.plugins).toEqual([join(folder, "conf/tap.mjs"), "@acme/dib-plugin"]);
  });
});

describe("several images", () => {
  const yaml = `elements: [debian, vm]
environment: { DIB_A: top, DIB_B: top }
options: { vm: { a: 1 } }
images:
  web: { environment: { DIB_B: web }, formats: raw }
  db: { elements: [ubuntu], output: out/database, options: { vm: { a: 2 } } }
`;

  test("take the top of the file as their defaults; lists are replaced, maps are merged", async () => {
    const { images } = await load({ "dib.config.yaml": yaml });
    expect(
      images.map(({ image, output, formats, elements, options }) => [
        image,
        output,
        formats[0],
        elements[0]?.name,
        options,
      ]),
    ).toEqual([
      ["web", "web", "raw", "debian", { vm: { a: 1 } }],
      ["db", "out/database", "qcow2", "ubuntu", { vm: { a: 2 } }],
    ]);
    expect(
      images.map(({ environment }) =>
        Object.entries(environment)
          .map(([name, { value }]) => `${name}=${value}`)
          .join(),
      ),
    ).toEqual(["DIB_A=top,DIB_B=web", "DIB_A=top,DIB_B=top"]);
  });

  test("can be chosen by name; an unknown one is refused with the nearest", async () => {
    expect((await load({ "dib.config.yaml": yaml }, { images: ["db"] })).images.map(({ image }) => image)).toEqual([
      "db",
    ]);
    const error = await failureOf(load({ "dib.config.yaml": yaml }, { images: ["wbe"] }));
    expect([error.code, error.context]).toEqual([
      "CONFIG_IMAGE_UNKNOWN",
      { image: "wbe", known: ["web", "db"], nearest: "web" },
    ]);
    expect((await failureOf(loadPlain({ images: ["constructor"] }))).code).toBe("CONFIG_IMAGE_UNKNOWN");
  });

  test("can't all be given elements, nor one output, by the command line", async () => {
    expect((await failureOf(load({ "dib.config.yaml": yaml }, { elements: ["vm"] }))).code).toBe("USAGE_INVALID");
    expect((await failureOf(load({ "dib.config.yaml": yaml }, { flags: { output: "same" } }))).code).toBe(
      "CONFIG_RULE_BROKEN",
    );
    const one = await load(
      { "dib.config.yaml": yaml },
      { elements: ["fedora"], images: ["web"], flags: { output: "same" } },
    );
    expect(one.images.map(({ output, elements }) => [output, elements[0]?.name])).toEqual([["same", "fedora"]]);
  });

  test("a mistake in what they share is told once", async () => {
    expect(await codesOf(load({ "dib.config.yaml": `arch: vax\n${yaml}` }))).toEqual(["CONFIG_RULE_BROKEN"]);
  });
});

describe("values that lie elsewhere", () => {
  test("are taken from the caller's environment or a file beside the config, and are secret", async () => {
    const { images } = await load(
      {
        "dib.config.yaml":
          "environment:\n  DIB_A: { fromEnv: MY_KEY }\n  DIB_B: { fromFile: keys/b }\n  DIB_C: { secret: s3 }\n  DIB_D: plain\n",
        "keys/b": "from file\n",
      },
      { env: { MY_KEY: "from env" } },
    );
    expect(Object.values(images[0]?.environment ?? {}).map(({ value, secret }) => [value, secret])).toEqual([
      ["from env", true],
      ["from file", true],
      ["s3", true],
      ["plain", false],
    ]);
  });

  test("that are not there are told together, with the line", async () => {
    const yaml =
      "environment:\n  DIB_A: { fromEnv: NO_SUCH }\n  DIB_B: { fromFile: nowhere }\n  DIB_C: { fromFile: / }\n";
    expect(await codesOf(loadYaml(yaml))).toEqual([
      "PLAN_VARIABLE_INVALID",
      "PLAN_VARIABLE_INVALID",
      "PLAN_VARIABLE_INVALID",
    ]);
    const error = await failureOf(loadYaml("environment:\n  DIB_A: { fromEnv: NO_SUCH }\n"));
    expect(error.context).toMatchObject({ name: "DIB_A", origin: "dib.config.yaml:2:10" });
  });

  test("a setting among the variables of a file is refused with the key to write", async () => {
    const error = await failureOf(loadYaml("environment:\n  DIB_IMAGE_SIZE: 5\n"));
    expect([error.code, error.hint]).toEqual(["CONFIG_RULE_BROKEN", "Write imageSizeGiB."]);
  });
});

describe("--env", () => {
  test("of a setting is that setting", async () => {
    const { arch, origins } = await loadPlain({ variables: ["ARCH=arm64"], env: { ARCH: "amd64" } });
    expect([arch, origins.arch]).toEqual(["arm64", "$ARCH"]);
  });
});

describe("where things are kept", () => {
  test("root's cache is the machine's, a user's is theirs, and DIB's own commands use DIB's", async () => {
    const root = { ...host, caller: { uid: 0, gid: 0, user: "root", home: "/root" }, userCacheDir: "/root/.cache" };
    const places = async (request: object) => {
      const { cacheDir, lockDir, tmpDir } = await loadPlain(request);
      return [cacheDir, lockDir, tmpDir];
    };
    expect(await places({ host: root })).toEqual(["/var/cache/dib", "/var/cache/dib/lockfiles", "/var/tmp"]);
    expect(await places({})).toEqual(["/home/ada/.cache/dib", "/home/ada/.cache/dib/lockfiles", "/var/tmp"]);
    expect(await places({ dropIn: true })).toEqual([
      "/home/ada/.cache/image-create",
      "/home/ada/.cache/dib/lockfiles",
      "/var/tmp",
    ]);
  });

  test("TMPDIR wins over TMP_DIR; relative folders start where the user stands", async () => {
    expect((await loadPlain({ env: { TMPDIR: "/a", TMP_DIR: "/b" } })).tmpDir).toBe("/a");
    expect((await loadPlain({ env: { TMP_DIR: "/b" } })).tmpDir).toBe("/b");
    const { images, folder } = await load({}, { flags: { cacheDir: "cache" }, env: { DIB_LOCKFILES: "locks" } });
    expect([images[0]?.cacheDir, images[0]?.lockDir]).toEqual([join(folder, "cache"), join(folder, "locks")]);
  });

  test("folders of a config file start where it lies", async () => {
    const { images, folder } = await load(
      { "conf/dib.config.yaml": "cacheDir: cache\ntmpDir: ~/tmp\n" },
      { configFile: "conf/dib.config.yaml" },
    );
    expect([images[0]?.cacheDir, images[0]?.tmpDir]).toEqual([join(folder, "conf/cache"), "/home/ada/tmp"]);
  });

  test("without a config file the project is the nearest folder with a package.json", async () => {
    const { images } = await load({ "a/b/file": "" });
    const { folder, images: inner } = await load({ "a/b/file": "" }, {});
    expect(images[0]?.projectDir).not.toBe(undefined);
    expect(inner[0]?.projectDir).toBe(folder);
  });
});

test("the machine and its user are found without being told", async () => {
  const { arch, caller } = await loadPlain({ host: undefined, env: { HOME: "/home/x" } });
  expect(caller).toMatchObject({ uid: process.getuid?.(), gid: process.getgid?.(), home: "/home/x" });
  expect(arch).toBe({ x64: "amd64", arm64: "arm64" }[process.arch as string]);
});

test("under sudo the build is for the user who called it", async (ctx) => {
  if (process.getuid?.() !== 0) ctx.skip("only root can have been called through sudo");
  const env = { SUDO_UID: "1", SUDO_GID: "1", SUDO_USER: "daemon", HOME: "/root" };
  const { caller } = await loadPlain({ host: undefined, env });
  expect(caller).toMatchObject({ uid: 1, gid: 1, user: "daemon" });
  expect(caller.home).not.toBe("/root");
});

test("options of an element that is named with a range are the element's", async () => {
  const { elements, options } = await loadYaml("elements:\n  - { name: 'debian@^1', options: { a: 1 } }\n");
  expect(elements).toMatchObject([{ name: "debian", range: "^1" }]);
  expect(options).toEqual({ debian: { a: 1 } });
});

test("two ways to write one output are one output", async () => {
  const yaml = "images:\n  a: { output: out/x }\n  b: { output: ./out/../out/x }\n";
  expect(await codesOf(load({ "dib.config.yaml": yaml }))).toEqual(["CONFIG_RULE_BROKEN"]);
});

test("where elements are looked for depends on no setting of an image", async () => {
  const cwd = await aFolder({ "dib.config.yaml": "elementPaths: [own]\nenvironment: { T: { fromEnv: UNSET } }\n" });
  const env = { ARCH: "x86", break: "foo", ELEMENTS_PATH: "/e" };
  const { elementPaths, projectDir } = await loadElementPlaces({ cwd, env, host });
  expect([elementPaths.map(({ path }) => path), projectDir]).toEqual([["/e", join(cwd, "own")], cwd]);
});

test.each([
  ["", "/usr/local/bin:/usr/bin:/bin:/sbin:/usr/sbin:/usr/local/sbin"],
  ["/a::/b:", "/a:/b:/sbin:/usr/sbin:/usr/local/sbin"],
])("with PATH=%j scripts find no programs in the current folder", async (PATH, path) => {
  expect((await loadPlain({ env: { PATH } })).path).toBe(path);
});

test("an empty --config is told with a name", async () => {
  expect((await failureOf(load({}, { configFile: "" }))).message).toMatch(/^\.: /);
});

test("a layout that is a file's name alone is refused, with how to write it", async () => {
  const error = await failureOf(loadPlain({ flags: { blockDevice: "disks/x.yaml" } }));
  expect([error.code, error.hint]).toEqual(["CONFIG_RULE_BROKEN", "Write file://disks/x.yaml."]);
});

test("every broken rule has a hint", async () => {
  expect((await failureOf(loadPlain({ flags: { imageSizeGiB: "0" } }))).hint).toBe(
    "Correct imageSizeGiB (--image-size), or leave it out.",
  );
  expect((await failureOf(loadYaml("imageSizeGiB: 99999999"))).hint).toBe(
    "Correct imageSizeGiB (dib.config.yaml:1:15), or leave it out.",
  );
});
