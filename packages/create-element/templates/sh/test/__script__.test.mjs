import { test } from "node:test";
import { assertAdded, assertRan, runElement } from "@dibjs/testkit";

test("{{element}} writes its text into the image", async () => {
  const run = await runElement({ element: "{{element}}" });
  assertRan(run, ["install.d/50-{{script}}"]);
  assertAdded(run, "/etc/{{script}}.example", { mode: 0o644, content: "Hello from {{element}}\n" });
});

test("{{element}} takes the text from DIB_{{VARIABLE}}_TEXT", async () => {
  const run = await runElement({ element: "{{element}}", env: { DIB_{{VARIABLE}}_TEXT: "from a test" } });
  assertAdded(run, "/etc/{{script}}.example", { content: "from a test\n" });
});
