import { boolean, listOf, mapOf, oneOf, pathInside, record, text } from "@dibjs/core/elements/shape.js";
import { expect, test } from "vitest";

const shape = record(
  { version: oneOf([1]), files: listOf(record({ path: pathInside }, { executable: boolean })) },
  {
    names: mapOf(
      text((name) => name !== "b", "not b"),
      listOf(text(), 1),
    ),
  },
);
const good = { version: 1, files: [{ path: "a/b", executable: true }], names: { a: ["x"] } };

test("a value of the shape has no flaw", () => {
  expect(shape(good)).toBeUndefined();
  expect(shape({ version: 1, files: [] })).toBeUndefined();
});

test.each([
  [[], "", "not a map"],
  [null, "", "not a map"],
  [{ ...good, version: 2 }, "version", "not one of 1"],
  [{ version: 1 }, "files", "missing"],
  [{ ...good, files: {} }, "files", "not a list"],
  [{ ...good, files: [{ path: "a" }, { path: "../a" }] }, "files.1.path", "must be a path inside the package"],
  [{ ...good, files: [{ path: "a", executable: "yes" }] }, "files.0.executable", "not true or false"],
  [{ ...good, names: { b: ["x"] } }, "names.b", "not b"],
  [{ ...good, names: { a: [] } }, "names.a", "empty"],
  [{ ...good, names: { a: [1] } }, "names.a.0", "not a text"],
  [{ ...good, extra: 1 }, "", "unknown key extra"],
])("%j: the first flaw with its place", (value, key, reason) => {
  expect(shape(value)).toEqual({ key, reason });
});

test("what an object inherits is not there", () => {
  expect(record({ constructor: text() })({})).toEqual({ key: "constructor", reason: "missing" });
});
