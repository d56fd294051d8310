import { runElement } from "@dibjs/testkit";
import "@dibjs/testkit/vitest";
import { expect, test } from "vitest";

test("{{element}} writes its text into the image", { timeout: 60_000 }, async () => {
  const run = await runElement({ element: "{{element}}" });
  expect(run).toHaveRun(["install.d/50-{{script}}"]);
  expect(run).toHaveAdded("/etc/{{script}}.example", { mode: 0o644, content: "Hello from {{element}}\n" });
});

test("{{element}} takes the text from DIB_{{VARIABLE}}_TEXT", { timeout: 60_000 }, async () => {
  const run = await runElement({ element: "{{element}}", env: { DIB_{{VARIABLE}}_TEXT: "from a test" } });
  expect(run).toHaveAdded("/etc/{{script}}.example", { content: "from a test\n" });
});
