import { expect, test } from "vitest";
import { entryOf, explain } from "@dibjs/cli/commands/explain.js";
import { memoryTerminal } from "../memory-terminal.js";

test("an entry is plain text, and ends where the next section begins", () => {
  const page =
    "# Errors\n\n## one\n\n### A_B\n\nExit code 2.\n\n```text\nsays <x>\n```\n\nHint: &lt;y>\n\n## two\n\n### C_D\n\nother\n";
  expect(entryOf(page, "A_B")).toBe("A_B\n\nExit code 2.\n\nsays <x>\n\nHint: <y>");
  expect(entryOf(page, "E_F")).toBeUndefined();
});

test("a code is found in any case, with its exit code", async () => {
  const { terminal, written } = memoryTerminal();
  expect(await explain(terminal, {}, ["script_failed"])).toBe(0);
  expect(written.out).toMatch(/^SCRIPT_FAILED\n\nExit code 1 \(element\)\./);
});

test("an unknown code is a usage error that names the nearest", async () => {
  await expect(explain(memoryTerminal().terminal, {}, ["SCRIPT_FAILD"])).rejects.toMatchObject({
    code: "USAGE_INVALID",
    hint: "Did you mean SCRIPT_FAILED?",
  });
});
