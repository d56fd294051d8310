import type { ElementRelations } from "@dibjs/core/elements/element.js";
import { expandElements, requestedElements, type KnownElements } from "@dibjs/core/elements/expand.js";
import { BuildError, isBuildError } from "@dibjs/core/errors.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

type Relations = readonly [deps: readonly string[], provides?: readonly string[]];

const relationsOf = (name: string, [deps, provides = []]: Relations): ElementRelations => ({
  name,
  folder: `/elements/${name}`,
  source: "elements-path",
  version: "0.0.0-local",
  dependencies: deps.map((dependency) => ({ name: dependency, range: "*" })),
  provides,
});

function knownOf(elements: Readonly<Record<string, Relations>>): KnownElements {
  const known = new Map(Object.entries(elements).map(([name, relations]) => [name, relationsOf(name, relations)]));
  return {
    find: (name) => known.get(name),
    missing: (name, askedBy) => new BuildError("ELEMENT_NOT_FOUND", { name, askedBy, searched: [] }),
  };
}

const expand = (asked: readonly string[], elements: Readonly<Record<string, Relations>>) =>
  expandElements(asked, knownOf(elements));
const namesOf = (asked: readonly string[], elements: Readonly<Record<string, Relations>>) =>
  expand(asked, elements).elements.map(({ name }) => name);

function errorOf(act: () => unknown): BuildError {
  try {
    act();
  } catch (error) {
    if (isBuildError(error)) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** The elements of DIB's own tests of this. */
const dib: Readonly<Record<string, Relations>> = {
  "requires-foo": [["foo"]],
  foo: [[], ["operating-system"]],
  "requires-requires-foo": [["requires-foo"]],
  self: [["self"]],
  provides_virtual: [[], ["virtual"]],
  also_provides_virtual: [[], ["virtual"]],
  requires_virtual: [["virtual"], ["operating-system"]],
  virtual: [["extra_dependency"]],
  extra_dependency: [[]],
  circular1: [["circular2"], ["operating-system"]],
  circular2: [["circular1"]],
  provides_new_virtual: [[], ["new_virtual", "operating-system"]],
  requires_new_virtual: [["new_virtual"]],
};

describe("DIB's test vectors", () => {
  test.each([
    [["requires-foo"], ["foo", "requires-foo"]],
    [["requires-requires-foo"], ["foo", "requires-foo", "requires-requires-foo"]],
    [["foo"], ["foo"]],
    [
      ["self", "foo"],
      ["foo", "self"],
    ],
    [["circular1"], ["circular1", "circular2"]],
    [
      ["provides_virtual", "requires_virtual"],
      ["provides_virtual", "requires_virtual"],
    ],
    [
      ["requires_new_virtual", "provides_new_virtual"],
      ["provides_new_virtual", "requires_new_virtual"],
    ],
    [
      ["foo", "requires-foo"],
      ["foo", "requires-foo"],
    ],
  ])("%j gives %j", (asked, expected) => {
    expect(namesOf(asked, dib)).toEqual(expected);
  });

  test.each([
    [["fake"], "ELEMENT_NOT_FOUND", "Element 'fake' not found"],
    [["virtual", "provides_virtual"], "ELEMENT_ALREADY_PROVIDED", "virtual: already provided by ['provides_virtual']"],
    [
      ["provides_virtual", "also_provides_virtual"],
      "ELEMENT_ALREADY_PROVIDED",
      "virtual: already provided by ['provides_virtual']",
    ],
    [["provides_virtual"], "ELEMENT_NO_OPERATING_SYSTEM", "Please include an operating system element"],
    [
      ["circular1", "operating-system"],
      "ELEMENT_ALREADY_PROVIDED",
      "operating-system: already provided by ['circular1']",
    ],
  ])("%j fails with %s", (asked, code, message) => {
    const error = errorOf(() => expand(asked, dib));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });
});

describe("what was asked for", () => {
  const request = { arch: "amd64", base: true, ramdisk: false, ramdiskElement: "ramdisk" };
  const ask = (names: readonly string[], more: object = {}) =>
    requestedElements({
      ...request,
      elements: names.map((name) => ({ name, range: "*", origin: "arguments" })),
      ...more,
    }).map(({ name }) => name);

  test.each([
    ["amd64", "block-device-mbr"],
    ["arm64", "block-device-efi"],
    ["aarch64", "block-device-efi"],
    ["armhf", "block-device-mbr"],
  ])("vm on %s gets %s", (arch, layout) => {
    expect(ask(["vm", "debian"], { arch })).toEqual(["base", "vm", "debian", layout]);
  });

  test("vm with a layout of the user's gets no other", () => {
    expect(ask(["vm", "block-device-gpt"])).toEqual(["base", "vm", "block-device-gpt"]);
  });

  test("base is left out when that is asked for", () => {
    expect(ask(["debian"], { base: false })).toEqual(["debian"]);
  });

  test("a ramdisk begins with its element", () => {
    expect(ask(["debian"], { ramdisk: true, ramdiskElement: "dracut-ramdisk" })).toEqual([
      "dracut-ramdisk",
      "base",
      "debian",
    ]);
  });

  test("nothing asked for is an error", () => {
    expect(errorOf(() => ask([])).code).toBe("ELEMENT_NONE");
  });
});

describe("the closure", () => {
  const os: Relations = [[], ["operating-system"]];

  test("an element asked for twice is there once", () => {
    expect(namesOf(["os", "os"], { os })).toEqual(["os"]);
  });

  test("each name has the shortest chain that led to it", () => {
    const { askedBy } = expand(["os", "a"], { os, a: [["b", "c"]], b: [["d"]], c: [["e"]], d: [["e"]], e: [[]] });
    expect(askedBy.get("e")).toEqual(["a", "c", "e"]);
    expect(askedBy.get("os")).toEqual(["os"]);
  });

  test("a missing element is reported with the chain that led there, and every one of them", () => {
    const error = errorOf(() => expand(["os", "a"], { os, a: [["b", "nobody"]], b: [["missing"]] }));
    expect(error.code).toBe("SEVERAL_FINDINGS");
    expect(error.message).toContain("'missing' not found (asked for by a → b)");
    expect(error.message).toContain("'nobody' not found (asked for by a)");
  });

  test("a virtual name may be reached long before its provider", () => {
    expect(namesOf(["os", "a"], { os, a: [["virtual", "b"]], b: [["c"]], c: [["d"]], d: [[], ["virtual"]] })).toEqual([
      "d",
      "c",
      "b",
      "a",
      "os",
    ]);
  });

  test("a provider comes before those that need what it provides", () => {
    const { elements, provided } = expand(["a"], { a: [["z", "virtual"]], z: [[], ["virtual", "operating-system"]] });
    expect(elements.map(({ name }) => name)).toEqual(["z", "a"]);
    expect([...provided]).toEqual([["virtual", "z"]]);
  });

  test("an element provided by another of its distance is left out with what only it needs", () => {
    expect(
      namesOf(["os", "a"], { os, a: [["virtual", "z"]], virtual: [["extra"]], z: [[], ["virtual"]], extra: [[]] }),
    ).toEqual(["os", "z", "a"]);
  });

  test("an element provided by one further away is left out, what it needs stays, as in DIB", () => {
    expect(
      namesOf(["os", "a"], { os, a: [["virtual"]], virtual: [["extra", "z"]], z: [[], ["virtual"]], extra: [[]] }),
    ).toEqual(["extra", "os", "z", "a"]);
  });

  test("those in a circle stand together, after what they need and before what needs them", () => {
    const elements: Readonly<Record<string, Relations>> = {
      os,
      a: [["p"]],
      p: [["q"]],
      q: [["r"]],
      r: [["p", "z"]],
      z: [[]],
    };
    expect(namesOf(["os", "a"], elements)).toEqual(["os", "z", "p", "q", "r", "a"]);
  });

  test("without other reasons names decide, by bytes", () => {
    expect(namesOf(["os", "b", "a", "B"], { os, a: [[]], b: [[]], B: [[]] })).toEqual(["B", "a", "b", "os"]);
  });

  test("no order of names on the command line, in files or of elements changes the set or its order", () => {
    const names = Array.from("abcdefgh");
    const graph = fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names, "virtual")), {
      maxLength: 24,
    });
    fc.assert(
      fc.property(
        graph,
        fc.shuffledSubarray(names, { minLength: 1 }),
        fc.constantFrom(...names),
        (edges, asked, provider) => {
          const build = (order: readonly string[], pairs: readonly (readonly [string, string])[]) =>
            Object.fromEntries(
              order.map((name): [string, Relations] => [
                name,
                [
                  pairs.filter(([from]) => from === name).map(([, to]) => to),
                  [...(name === provider ? ["virtual"] : []), ...(name === "a" ? ["operating-system"] : [])],
                ],
              ]),
            );
          const outcome = (
            order: readonly string[],
            request: readonly string[],
            pairs: readonly (readonly [string, string])[],
          ) => {
            try {
              const { elements, askedBy, provided } = expandElements(request, knownOf(build(order, pairs)));
              return JSON.stringify([elements.map(({ name }) => name), [...askedBy].sort(), [...provided]]);
            } catch (error) {
              return isBuildError(error) ? error.code : "not a BuildError";
            }
          };
          const sorted = [...edges].sort(([a, b], [c, d]) => `${a}${b}`.localeCompare(`${c}${d}`, "en"));
          expect(outcome([...names].reverse(), [...asked].reverse(), sorted)).toBe(outcome(names, asked, sorted));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("each dependency stands before its dependant unless they are in a circle", () => {
    const names = Array.from({ length: 12 }, (_, index) => `e${index}`);
    const edge = fc.tuple(fc.nat(11), fc.nat(11));
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 40 }), (edges) => {
        const acyclic = edges.filter(([from, to]) => from < to);
        const elements = Object.fromEntries(
          names.map((name, index): [string, Relations] => [
            name,
            [
              acyclic.filter(([from]) => from === index).map(([, to]) => `e${to}`),
              index === 0 ? ["operating-system"] : [],
            ],
          ]),
        );
        const order = namesOf(names, elements);
        for (const [from, to] of acyclic) expect(order.indexOf(`e${to}`)).toBeLessThan(order.indexOf(`e${from}`));
      }),
    );
  });

  test("a thousand elements with ten thousand edges take less than a second", () => {
    let seed = 1;
    const next = (bound: number) => (seed = (seed * 48271) % 2147483647) % bound;
    const elements: Record<string, Relations> = { os };
    for (let index = 0; index < 1000; index++)
      elements[`e${index}`] = [Array.from({ length: 10 }, () => `e${next(1000)}`)];
    const started = performance.now();
    expect(namesOf(["os", ...Object.keys(elements)], elements)).toHaveLength(1001);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test("a chain of a thousand elements is no problem", () => {
    const elements: Record<string, Relations> = { e1000: os };
    for (let index = 0; index < 1000; index++) elements[`e${index}`] = [[`e${index + 1}`]];
    expect(namesOf(["e0"], elements)[0]).toBe("e1000");
  });
});
