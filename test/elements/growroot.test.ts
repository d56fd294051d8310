import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runElement, type ElementRun } from "../support/run-element.js";
import { testDifference } from "../support/test-difference.js";

let run: ElementRun;
beforeAll(async () => {
  run = await runElement(["growroot"]);
});
afterAll(() => run[Symbol.asyncDispose]());

describe("growroot", () => {
  testDifference("growroot", "adds the program and a unit that is started at boot", () => run, {
    added: {
      "/usr/local/sbin/growroot": { kind: "file", mode: 0o755, owner: "0:0" },
      "/usr/lib/systemd/system/growroot.service": { kind: "file", mode: 0o644, owner: "0:0" },
      "/etc/systemd/system/multi-user.target.wants/growroot.service": {
        kind: "link",
        content: "/lib/systemd/system/growroot.service",
      },
    },
  });

  test("installs growpart and resize2fs", () => {
    expect(Object.keys(run.tree.added)).toEqual(expect.arrayContaining(["/usr/bin/growpart"]));
    expect(Object.keys(run.tree.deleted)).not.toContain("/usr/sbin/resize2fs");
  });

  test("leaves a root alone that is not on a partition", async () => {
    const findmnt = "#!/bin/sh\necho overlay\n";
    await run.chroot({ "/usr/local/bin/findmnt": findmnt }, "chmod", "0755", "/usr/local/bin/findmnt");
    const said = await run.chroot({}, "sh", "-c", "PATH=/usr/local/bin:$PATH growroot 2>&1");
    expect(said).toBe("growroot: the root is not on a block device: overlay\n");
  });
});
