import { readdirSync } from "node:fs";
import { builtInLoans } from "@dibjs/core/block-device/built-in.js";
import { expect, test } from "vitest";

const nodes = new URL("../../../../packages/core/src/block-device/nodes/", import.meta.url);

test("whatever a node borrows, another process can give back: it finds each loan by its name", async () => {
  const found: string[] = [];
  for (const file of readdirSync(nodes)) {
    const exported = Object.values((await import(new URL(file, nodes).pathname)) as Record<string, unknown>);
    for (const each of exported) if (isLoan(each)) found.push(each.name);
  }
  expect(found.length).toBeGreaterThan(5);
  expect(builtInLoans.map(({ name }) => name).sort()).toEqual(found.sort());
});

const isLoan = (value: unknown): value is { name: string } =>
  typeof value === "object" && value !== null && "release" in value && "name" in value;
