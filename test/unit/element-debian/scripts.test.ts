import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fakePrograms, runScript } from "../../support/run-script.js";
import { tempFolder } from "../../support/temp-folder.js";

let folder: Awaited<ReturnType<typeof tempFolder>>;
let target: string;
beforeEach(async () => {
  folder = await tempFolder();
  target = join(folder.path, "target");
  mkdirSync(target);
});
afterEach(() => folder[Symbol.asyncDispose]());

describe("DIB_ADD_APT_KEYS", () => {
  const addKeys = (path: string) =>
    runScript("element-debian/elements/dpkg/root.d/09-apt-keyring", { TARGET_ROOT: target, DIB_ADD_APT_KEYS: path });
  const trusted = () => readdirSync(join(target, "etc/apt/trusted.gpg.d")).sort();

  function keysIn(names: Readonly<Record<string, string>>): string {
    const keys = join(folder.path, "keys.d");
    mkdirSync(keys);
    for (const [name, content] of Object.entries(names)) writeFileSync(join(keys, name), content);
    return keys;
  }

  test("keeps each key of a folder under its own name, whatever its ending, and follows links", () => {
    const keys = keysIn({ one: "binary", two: "binary", "a.b.asc": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n" });
    symlinkSync("one", join(keys, "linked.gpg"));
    expect(addKeys(keys)).toEqual({ status: 0, stderr: "" });
    expect(trusted()).toEqual(["dib-a.b.asc", "dib-linked.gpg", "dib-one.gpg", "dib-two.gpg"]);
  });

  test("takes a single file", () => {
    expect(addKeys(join(keysIn({ "one.gpg": "binary" }), "one.gpg")).status).toBe(0);
    expect(trusted()).toEqual(["dib-one.gpg"]);
  });

  test("fails when one key would replace another, and when there is none", () => {
    expect(addKeys(keysIn({ "one.gpg": "a", "one.key": "b" }))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("one.key would replace another key") as unknown,
    });
    for (const path of [join(folder.path, "absent"), target])
      expect(addKeys(path)).toMatchObject({ status: 1, stderr: expect.stringContaining("there is no key") as unknown });
  });
});

describe("DIB_APT_SOURCES_CONF", () => {
  const uri = "http://a.example.org/debian";

  function bootstrap(sources: string) {
    const hooks = join(folder.path, "hooks");
    fakePrograms(join(hooks, "root.d"), { "50-apt-build-settings": "true" });
    fakePrograms(join(hooks, "bin"), { "apt-lists-digest": "true" });
    mkdirSync(join(target, "var/lib/apt/lists"), { recursive: true });
    const programs = fakePrograms(join(folder.path, "bin"), {
      mmdebstrap: `cat > ${join(folder.path, "given")}; echo "$TMPDIR" > ${join(folder.path, "scratch")}`,
    });
    const keyring = join(folder.path, "keyring.gpg");
    writeFileSync(keyring, "");
    return runScript("element-debian/elements/debootstrap/root.d/08-debootstrap", {
      PATH: `${programs}:${process.env["PATH"]}`,
      ...{
        TARGET_ROOT: target,
        TMP_HOOKS_PATH: hooks,
        TMP_IMAGE_DIR: "/scratch/dib_image.x",
        DIB_IMAGE_CACHE: folder.path,
        DIB_DEBOOTSTRAP_CACHE: "0",
      },
      ...{ ARCH: "amd64", DISTRO_NAME: "debian", DIB_RELEASE: "x", DIB_APT_KEYRING: keyring },
      DIB_APT_SOURCES_CONF: sources,
    });
  }

  test("may be indented, with comments and dots in names", () => {
    const sources = `\n  # mine\n  default:deb ${uri} x main\n\ta.b:deb [trusted=yes] ${uri} y main \n`;
    expect(bootstrap(sources)).toEqual({ status: 0, stderr: "" });
    expect(readFileSync(join(folder.path, "given"), "utf8")).toBe(
      `deb ${uri} x main\ndeb [trusted=yes] ${uri} y main\n`,
    );
    expect(readdirSync(join(target, "etc/apt/sources.list.d")).sort()).toEqual(["a.b.list", "default.list"]);
  });

  test("the bootstrapper's own files lie in a folder of the build", () => {
    bootstrap(`default:deb ${uri} x main`);
    expect(readFileSync(join(folder.path, "scratch"), "utf8")).toBe("/scratch/dib_image.x\n");
  });

  test.each([`deb ${uri} x main`, `my archive:deb ${uri} x main`, `name: deb ${uri} x main`])(
    "with the line %j is refused, not passed over",
    (line) => {
      expect(bootstrap(`default:deb ${uri} x main\n${line}\n`)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(line) as unknown,
      });
    },
  );
});
