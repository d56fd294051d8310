import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { nameOf } from "../../support/host-guard.js";

test("a process that has ended between two looks has no name, and breaks nothing", () => {
  const { pid } = spawnSync("true");
  expect(nameOf(String(pid))).toEqual([]);
  expect(nameOf(String(process.pid))).toHaveLength(1);
});
