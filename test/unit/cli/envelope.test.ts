import { expect, test } from "vitest";
import { BuildError } from "@dibjs/core";
import { formatData, formatError } from "@dibjs/cli/envelope.js";

test("data come in one line, keys sorted, without a time", () => {
  const text = formatData("elements", { b: 1, a: 2 }, ["careful"]);
  expect(text).toBe(
    '{"data":{"a":2,"b":1},"errors":[],"meta":{"command":"elements","version":"1.0.0"},"schemaVersion":1,"status":"ok","warnings":["careful"]}\n',
  );
});

test("a failure has code, kind, message, hint and context", () => {
  const error = new BuildError("OUTPUT_BUSY", { path: "/x" });
  expect(JSON.parse(formatError("build", error))).toMatchObject({
    type: "result",
    status: "failed",
    data: null,
    errors: [{ code: "OUTPUT_BUSY", kind: "host", message: error.message, hint: error.hint, context: { path: "/x" } }],
  });
});

test("a bug of ours has a code too", () => {
  expect(JSON.parse(formatError("plan", new Error("oh")))).toMatchObject({
    errors: [{ code: "INTERNAL", kind: "bug", message: "oh" }],
  });
});
