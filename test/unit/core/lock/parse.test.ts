import { formatLock } from "@dibjs/core/lock/format.js";
import { parseLock } from "@dibjs/core/lock/parse.js";
import { describe, expect, test } from "vitest";
import { aLock, anEntry } from "../../../support/lock-entry.js";

const good = formatLock(aLock());
const broken = async (text: string) => {
  try {
    await parseLock(text, "dib.lock");
  } catch (error) {
    return error as { code: string; message: string; context: { place: unknown } };
  }
  throw new Error("it was taken");
};

describe("a lock", () => {
  test("is read as it was written, and written as it was read", async () => {
    expect(await parseLock(good, "dib.lock")).toEqual(aLock());
    expect(formatLock(await parseLock(good, "dib.lock"))).toBe(good);
  });

  test("has sorted keys, one item a line, and ends with a newline", () => {
    const packages = { "zsh:amd64": "5.9-4", "bash:amd64": "5.2.15-2" };
    expect(formatLock(aLock(anEntry({ packages, git: {}, files: {}, elements: {} })))).toBe(`{
  "images": {
    "image": {
      "apt": {
        "Debian bookworm": { "date": "Mon, 01 Jan 2024 00:00:00 UTC", "sha256": "${"a".repeat(64)}" }
      },
      "arch": "amd64",
      "elements": {},
      "files": {},
      "git": {},
      "packages": {
        "bash:amd64": "5.2.15-2",
        "zsh:amd64": "5.9-4"
      }
    }
  },
  "version": 1
}
`);
  });

  test("does not depend on the order in which things were found", () => {
    const turned = (entry: object) => Object.fromEntries(Object.entries(entry).reverse());
    expect(formatLock({ images: { image: turned(anEntry()) }, version: 1 } as never)).toBe(good);
  });
});

describe("a lock that is not one is refused with the line", () => {
  const line = (text: string) => good.split("\n").findIndex((each) => each.includes(text)) + 1;

  test.each([
    ["cut off", good.slice(0, good.indexOf('"files"')), line('"files"')],
    ["a missing comma", good.replace('"amd64",', '"amd64"'), line('"arch"') + 1],
    ["a word", good.replace('"amd64",', "amd64,"), line('"arch"')],
    ["another version", good.replace('"version": 1', '"version": 2'), line('"version": 1')],
    ["a sha256 that is none", good.replace(/"sha256": "a+" }\n/, '"sha256": "b" }\n'), line('"Debian bookworm"')],
    ["a key that is not known", good.replace('"arch"', '"arhc"'), line('"image"')],
    ["__proto__ as a name", good.replace('"bash:amd64"', '"__proto__"'), line('"bash:amd64"')],
    ["__proto__ as an image", good.replace('"image":', '"__proto__":'), line('"image"')],
    [
      "a package twice, as a merge leaves it",
      good.replace(/( +)("bash:amd64": .*)/, '$1$2,\n$1"bash:amd64": "5.3"'),
      line('"bash:amd64"') + 1,
    ],
    [
      "a conflict that is not resolved",
      good.replace(/( +"bash:amd64".*)/, "<<<<<<< ours\n$1\n=======\n>>>>>>> theirs"),
      line('"bash:amd64"'),
    ],
  ])("%s", async (_, text, at) => {
    const { code, message, context } = await broken(text);
    expect({ code, place: context.place }, message).toEqual({
      code: "LOCK_INVALID",
      place: { file: "dib.lock", line: at },
    });
  });

  test.each([
    ["empty", ""],
    ["no map", "[]"],
    ["nested 20,000 deep", `${'{"images":'.repeat(20_000)}1${"}".repeat(20_000)}`],
    ["larger than any lock", `{"images":{},"version":1${" ".repeat(17 * 2 ** 20)}}`],
  ])("%s", async (_, text) => {
    expect(await broken(text)).toMatchObject({ code: "LOCK_INVALID", context: { place: { file: "dib.lock" } } });
  });

  test("and changes no prototype", async () => {
    await broken('{ "version": 1, "images": { "__proto__": { "polluted": true } } }');
    expect({}).not.toHaveProperty("polluted");
  });
});
