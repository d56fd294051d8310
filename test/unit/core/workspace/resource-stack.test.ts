import { ResourceStack } from "@dibjs/core/workspace/resource-stack.js";
import { expect, test } from "vitest";

test("releases newest first, and goes on after a failed release", async () => {
  const seen: string[] = [];
  const stack = new ResourceStack();
  stack.defer("a", () => void seen.push("a"));
  stack.defer("b", () => Promise.reject(new Error("busy")));
  stack.defer("c", () => void seen.push("c"));
  await expect(stack[Symbol.asyncDispose]()).rejects.toMatchObject({
    code: "RELEASE_FAILED",
    context: { left: ["b (busy)"] },
  });
  expect(seen).toEqual(["c", "a"]);
});

test("a resource that was given back early is not released again", async () => {
  const seen: string[] = [];
  const stack = new ResourceStack();
  const release = stack.defer("a", () => void seen.push("a"));
  await release();
  await release();
  await stack[Symbol.asyncDispose]();
  expect(seen).toEqual(["a"]);
});

test("what was deferred can be given back early after the stack has moved", async () => {
  const seen: string[] = [];
  const stack = new ResourceStack();
  const release = stack.defer("a", () => void seen.push("a"));
  const moved = stack.move();
  await release();
  expect(seen).toEqual(["a"]);
  await moved[Symbol.asyncDispose]();
  expect(seen).toEqual(["a"]);
});

test("a moved stack leaves nothing behind to release", async () => {
  const seen: string[] = [];
  const stack = new ResourceStack();
  stack.defer("a", () => void seen.push("a"));
  const moved = stack.move();
  await stack[Symbol.asyncDispose]();
  expect(seen).toEqual([]);
  await moved[Symbol.asyncDispose]();
  expect(seen).toEqual(["a"]);
});
