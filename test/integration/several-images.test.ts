/** The images of one config: built at a time, with what they share made once. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runDib } from "../support/dib.js";
import { Project } from "../support/toy-os.js";

const line = (text: string): string[] => text.split("\n").filter((each) => each !== "");

function projectOfThree(): Project {
  const project = new Project();
  project.script("pre-install.d/10-x", "echo shared > /etc/shared; echo pre-install >> /etc/made");
  for (const name of ["one", "two", "three"])
    project.write(`elements/${name}/install.d/50-${name}`, `#!/bin/bash\nset -eu\necho ${name} > /etc/name\n`);
  const image = (name: string) => `  ${name}: { elements: [toy-os, subject, ${name}] }`;
  project.write(
    "dib.config.yaml",
    `elementPaths: [elements]\nbase: false\nformats: [tar]\ncacheDir: cache\nimages:\n${["one", "two", "three"].map(image).join("\n")}\n`,
  );
  return project;
}

test("each line says whose it is; the phases that all have in common run once", async () => {
  using project = projectOfThree();
  const { exitCode, stdout, stderr } = await runDib(["build", "--jobs", "3", "--progress", "plain"], {
    cwd: project.dir,
  });
  expect(exitCode, stderr).toBe(0);
  expect(line(stdout)).toEqual(["one", "two", "three"].map((name) => join(project.dir, `${name}.tar`)));
  const ran = (phase: string) => line(stderr).filter((each) => each.includes(`=== ${phase} `));
  expect([ran("root").length, ran("pre-install").length, ran("install").length]).toEqual([1, 1, 3]);
  for (const name of ["one", "two", "three"]) expect(stderr).toMatch(new RegExp(`^${name}: `, "m"));
});

test("after a failure no other image begins, what was running is made, and the failure is told", async () => {
  using project = projectOfThree();
  project.write("elements/one/install.d/50-one", "#!/bin/bash\nexit 7\n");
  project.write("elements/two/install.d/50-two", "#!/bin/bash\nset -eu\nsleep 2\necho two > /etc/name\n");
  const { exitCode, stderr } = await runDib(["build", "--jobs", "2", "--progress", "plain"], { cwd: project.dir });
  expect(exitCode).toBe(1);
  expect(stderr).toContain("SCRIPT_FAILED");
  expect([existsSync(join(project.dir, "two.tar")), existsSync(join(project.dir, "three.tar"))]).toEqual([true, false]);
});

test("events of --json carry the image's name", async () => {
  using project = projectOfThree();
  const { exitCode, stdout, stderr } = await runDib(["build", "--jobs", "2", "--json"], { cwd: project.dir });
  expect(exitCode, stderr).toBe(0);
  const events = line(stdout).map((text) => JSON.parse(text) as { type: string; image?: string });
  const named = new Set(events.flatMap(({ image }) => image ?? []));
  expect([...named].sort()).toEqual(["one", "three", "two"]);
  expect(readFileSync(join(project.dir, "three.report.json"), "utf8")).toContain('"restored"');
});
