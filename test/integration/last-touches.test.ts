/** What a build empties before it makes the outputs: of the image only, and there whatever the names are. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Project } from "../support/toy-os.js";

test.each(["tar", "raw"])(
  "a folder of the host that is bound into the image is not emptied with it: %s",
  async (format) => {
    using project = new Project();
    const host = join(project.dir, "host");
    for (const name of ["logs", "tmp", "home"]) mkdirSync(join(host, name), { recursive: true });
    for (const name of ["logs/ci.log", "tmp/file", "home/my.log"]) project.write(join("host", name), "kept");
    project.script(
      "pre-finalise.d/10-bind",
      `mkdir -p "$TARGET_ROOT/var/log/ci"
    mount --bind "${host}/logs" "$TARGET_ROOT/var/log/ci"
    mount --bind "${host}/tmp" "$TARGET_ROOT/tmp"
    mount --bind "${host}/home" "$TARGET_ROOT/root"`,
    );
    await project.build({ flags: { formats: [format] } });
    const left = (name: string) =>
      readdirSync(join(host, name)).map((file) => readFileSync(join(host, name, file), "utf8"));
    expect([left("logs"), left("tmp"), left("home")]).toEqual([["kept"], ["kept"], ["kept"]]);
  },
);

test("logs are emptied and temporary files go, also those whose names are not UTF-8; links are not followed", async () => {
  using project = new Project();
  project.script(
    "install.d/10-write",
    `echo x > /var/log/$'a\\xff.log'; echo x > /tmp/$'a\\xff'; mkdir /tmp/.deep; echo x > /tmp/.deep/file
    echo x > /root/$'a\\xff.log'; echo x > /root/notes
    echo x > /etc/kept`,
  );
  project.script("pre-finalise.d/10-link", `ln -s ../../etc/kept "$TARGET_ROOT/var/log/link.log"`);
  await project.build();
  const list = execFileSync("tar", ["-tvf", join(project.out, "image.tar")], { encoding: "utf8" }).split("\n");
  const sizes = list.flatMap((line) => {
    const [, size, name] = /^\S+ \S+ +(\d+) \S+ \S+ \.?\/?((?:var\/log|tmp|root|etc\/kept).*)$/.exec(line) ?? [];
    return name === undefined || name.endsWith("/") ? [] : [`${name}: ${size}`];
  });
  expect(sizes.sort()).toEqual([
    "etc/kept: 2",
    "root/notes: 2",
    "var/log/a\\377.log: 0",
    "var/log/link.log -> ../../etc/kept: 0",
  ]);
});
