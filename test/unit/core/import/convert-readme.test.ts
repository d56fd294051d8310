import { convertReadme, descriptionOf } from "@dibjs/core/import/convert-readme.js";
import { expect, test } from "vitest";

const facts = { name: "motd", isMarkdown: false, variables: [], scripts: [], needs: [] };

const rest = `====
motd
====

Writes a message, with \`\`figlet\`\`. See \`the docs <https://example.com>\`_.

Usage
-----
Run it::

    export DIB_MOTD=hello

.. note:: It is short.

Environment Variables
---------------------

DIB_MOTD
  :Required: No
  :Description: The message, which
    may be long.
`;

test("reStructuredText becomes Markdown under the five headings", () => {
  expect(convertReadme({ ...facts, text: rest, scripts: ["install.d/50-motd"], needs: ["base"] })).toBe(`# motd

## What it does

Writes a message, with \`figlet\`. See [the docs](https://example.com).

### Usage

Run it:

\`\`\`
export DIB_MOTD=hello
\`\`\`

> **note**: It is short.

## Options

None: it is set through the environment.

## Environment

- \`DIB_MOTD\`
  - Required: No
  - Description: The message, which may be long.

## Phases

- \`install.d/50-motd\`

## Requires

\`base\`.
`);
});

test("without a README the files say what they can", () => {
  expect(convertReadme({ ...facts, text: "", variables: ["DIB_MOTD"] })).toBe(
    "# motd\n\n## What it does\n\nThe element motd.\n\n## Options\n\nNone: it is set through the environment.\n\n" +
      "## Environment\n\n- `DIB_MOTD`\n\n## Phases\n\nNone.\n\n## Requires\n\nNothing.\n",
  );
});

test.each([
  [rest, false, "Writes a message, with figlet."],
  ["# motd\n\nA message\nfor all. And more.\n", true, "A message for all."],
  ["", false, "The element motd."],
  ["* a list\n", false, "The element motd."],
])("the first sentence describes the package", (text, isMarkdown, expected) => {
  expect(descriptionOf({ name: "motd", text, isMarkdown })).toBe(expected);
});

test("a long text that is no prose is converted in no time", () => {
  const started = performance.now();
  for (const text of ["`".repeat(50_000), ":".repeat(50_000), "=".repeat(50_000), `${"a <".repeat(20_000)}\n`])
    convertReadme({ ...facts, text });
  expect(performance.now() - started).toBeLessThan(2_000);
});
