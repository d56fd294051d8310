import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { Project } from "../support/toy-os.js";

const secret = "correct horse battery";
let project: Project;

beforeEach(() => {
  project = new Project();
  mkdirSync(join(project.dir, "tmp"));
});
afterEach(() => project[Symbol.dispose]());

/** All that a build with the secret in `--env` says: both streams, and its log. */
async function told(words: readonly string[]): Promise<{ exitCode: number | null; text: string }> {
  const places = ["--elements-path", "elements", "--tmp-dir", "tmp", "--image-cache", "cache", "--logfile", "log"];
  const output = ["-n", "-t", "tar", "-o", "out/image"];
  const args = [
    "build",
    "toy-os",
    "subject",
    ...output,
    ...places,
    "--env",
    `DIB_SUBJECT_PASSWORD=${secret}`,
    ...words,
  ];
  const { exitCode, stdout, stderr } = await runDib(args, { cwd: project.dir });
  return { exitCode, text: stdout + stderr + readFileSync(join(project.dir, "log"), "utf8") };
}

test.each([[[]], [["--json"]]])(
  "what a failing script said of a secret is masked wherever it is told: %j",
  async (more) => {
    project.script("install.d/10-tell", `echo "it is $DIB_SUBJECT_PASSWORD"\nexit 3`);
    const { exitCode, text } = await told(more);
    expect(exitCode).toBe(1);
    expect(text).toContain("SCRIPT_FAILED");
    expect(text).toContain("it is ***");
    expect(text).not.toContain(secret);
  },
);

test("what an environment file said of a secret is masked", async () => {
  project.write("elements/subject/environment.d/10-tell.bash", `echo "it is $DIB_SUBJECT_PASSWORD" >&2\nfalse\n`);
  const { exitCode, text } = await told([]);
  expect(exitCode).toBe(1);
  expect(text).toContain("ENVIRONMENT_FAILED");
  expect(text).not.toContain(secret);
});

test("a note with what a script wrote masks a secret", async () => {
  project.script("install.d/10-tell", `echo "it is $DIB_SUBJECT_PASSWORD" >> "$DIB_FETCH_LOG"`);
  const { text } = await told(["--json"]);
  expect(text).toContain("that says nothing: it is ***");
  expect(text).not.toContain(secret);
});

test("a secret on the command line is not in DIB_ARGS, which images keep", async () => {
  project.script("extra-data.d/10-tell", `printf 'args: %s\\n' "$DIB_ARGS" | base64 -w0`);
  const { exitCode, text } = await told([]);
  expect(exitCode, text).toBe(0);
  const encoded = /10-tell \| (YXJnczo[\w+/=]+)/.exec(text)?.[1] ?? "";
  expect(Buffer.from(encoded, "base64").toString()).toContain("--env DIB_SUBJECT_PASSWORD=***");
});
