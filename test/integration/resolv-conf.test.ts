/** /etc/resolv.conf in a build: the image's own waits as .ORIG, the host's is there while a phase runs, and DIB's rule decides what stays. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createExec } from "@dibjs/core/process/exec.js";
import type { BuildEvent } from "@dibjs/core/report/events.js";
import { keepResolvConf, openResolvConf } from "@dibjs/core/workspace/resolv-conf.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { outputOf, Project } from "../support/toy-os.js";
import { vector } from "../support/vectors.js";

const ofTheHost = "nameserver 192.0.2.53\nsearch example.org\n";

describe("the file in the tree", () => {
  let scratch: string;
  let etc: string;
  let events: BuildEvent[];

  beforeEach(() => {
    scratch = mkdtempSync("/var/tmp/dib-test-");
    etc = join(scratch, "root/etc");
    events = [];
    mkdirSync(etc, { recursive: true });
    writeFileSync(join(scratch, "host"), ofTheHost);
  });
  afterEach(() => rmSync(scratch, { recursive: true }));

  const file = () => join(etc, "resolv.conf");
  const original = () => `${file()}.ORIG`;
  const open = async (host = "host") => {
    const ctx = { exec: createExec(), emit: (event: BuildEvent) => void events.push(event) };
    await keepResolvConf(join(scratch, "root"), ctx);
    return openResolvConf(join(scratch, "root"), ctx, join(scratch, host));
  };
  /** What the folder holds: a file by its text, a link by what it leads to. */
  const held = () =>
    Object.fromEntries(
      readdirSync(etc).map((name) => {
        const path = join(etc, name);
        return [name, lstatSync(path).isSymbolicLink() ? `-> ${readlinkSync(path)}` : readFileSync(path, "utf8")];
      }),
    );
  const states = () => events.flatMap((event) => (event.type === "resolv-conf" ? [event.state] : []));

  vector(
    "resolv-conf/file",
    async () => {
      writeFileSync(file(), "of the image\n", { mode: 0o640 });
      execFileSync("chown", ["7:8", file()]);
      const before = lstatSync(file());
      const conf = await open();
      expect(held()).toEqual({ "resolv.conf.ORIG": "of the image\n" });
      await conf.finalise();
      expect(held()).toEqual({ "resolv.conf": "of the image\n" });
      expect(lstatSync(file())).toMatchObject({ ino: before.ino, mode: before.mode, uid: 7, gid: 8 });
      expect(states()).toEqual(["kept-original", "restored"]);
    },
    "a file of the image is kept as .ORIG with its mode and owner, and is itself again in the end",
  );

  vector(
    "resolv-conf/link",
    async () => {
      symlinkSync("../run/systemd/resolve/stub-resolv.conf", file());
      const conf = await open();
      expect(held()).toEqual({ "resolv.conf.ORIG": "-> ../run/systemd/resolve/stub-resolv.conf" });
      const placed = await conf.putInPlace();
      expect(held()["resolv.conf"]).toBe(ofTheHost);
      await placed[Symbol.asyncDispose]();
      await conf.finalise();
      expect(held()).toEqual({ "resolv.conf": "-> ../run/systemd/resolve/stub-resolv.conf" });
      expect(states()).toEqual(["kept-original", "written", "restored"]);
    },
    "a link of the image, also to nothing, is kept as a link, and is itself again in the end",
  );

  test("the host's is there for each phase, anew, and gone after it", async () => {
    const conf = await open();
    for (let phase = 0; phase < 2; phase++) {
      const placed = await conf.putInPlace();
      expect(held()).toEqual({ "resolv.conf": ofTheHost });
      await placed[Symbol.asyncDispose]();
      expect(held()).toEqual({});
    }
    expect(states()).toEqual(["written", "written"]);
  });

  test("a public name server is there when the host has no file", async () => {
    const conf = await open("missing");
    const placed = await conf.putInPlace();
    expect(held()).toEqual({ "resolv.conf": "nameserver 8.8.8.8\n" });
    await placed[Symbol.asyncDispose]();
    expect(held()).toEqual({});
  });

  test("what a script made of it during a phase is not taken out, and counts for later phases", async () => {
    const conf = await open();
    const placed = await conf.putInPlace();
    writeFileSync(file(), "changed by a script\n");
    await placed[Symbol.asyncDispose]();
    await conf.putInPlace();
    expect(held()).toEqual({ "resolv.conf": "changed by a script\n" });
    expect(states()).toEqual(["written"]);
  });

  test("a plain file that a script left goes in the end, for the original", async () => {
    writeFileSync(file(), "of the image\n");
    const conf = await open();
    writeFileSync(file(), "changed by a script\n");
    await conf.finalise();
    expect(held()).toEqual({ "resolv.conf": "of the image\n" });
  });

  vector(
    "resolv-conf/original-edited",
    async () => {
      writeFileSync(file(), "of the image\n");
      const conf = await open();
      writeFileSync(original(), "edited\n");
      await conf.finalise();
      expect(held()).toEqual({ "resolv.conf": "edited\n" });
    },
    "an original that a script edited is what comes back",
  );

  vector(
    "resolv-conf/made-link",
    async () => {
      writeFileSync(file(), "of the image\n");
      const conf = await open();
      const placed = await conf.putInPlace();
      rmSync(file());
      symlinkSync("/run/resolv.conf", file());
      await placed[Symbol.asyncDispose]();
      await conf.finalise();
      expect(held()).toEqual({ "resolv.conf": "-> /run/resolv.conf" });
      expect(states()).toEqual(["kept-original", "written", "kept-image"]);
    },
    "a link that a script made of it stays in the end, and the original goes",
  );

  vector(
    "resolv-conf/immutable",
    async () => {
      writeFileSync(file(), "of the image\n");
      const conf = await open();
      writeFileSync(file(), "never to change\n");
      execFileSync("chattr", ["+i", file()]);
      try {
        await conf.finalise();
        expect(held()).toEqual({ "resolv.conf": "never to change\n" });
        expect(states()).toEqual(["kept-original", "kept-image"]);
      } finally {
        execFileSync("chattr", ["-i", file()]);
      }
    },
    "a file that a script made immutable stays in the end, and the original goes",
  );

  vector(
    "resolv-conf/absent",
    async () => {
      const conf = await open();
      const placed = await conf.putInPlace();
      await placed[Symbol.asyncDispose]();
      await conf.finalise();
      expect(held()).toEqual({});
      expect(states()).toEqual(["written", "removed"]);
    },
    "there is none in the end when the image had none",
  );

  test("an /etc that is a link is followed in the image, never to the host", async () => {
    rmSync(etc, { recursive: true });
    mkdirSync(join(scratch, "root/usr/etc"), { recursive: true });
    symlinkSync("/usr/etc", etc);
    const conf = await open();
    const placed = await conf.putInPlace();
    expect(readFileSync(join(scratch, "root/usr/etc/resolv.conf"), "utf8")).toBe(ofTheHost);
    expect(existsSync("/usr/etc/resolv.conf")).toBe(false);
    await placed[Symbol.asyncDispose]();
    expect(readdirSync(join(scratch, "root/usr/etc"))).toEqual([]);
  });
});

describe("a build", () => {
  let project: Project;
  beforeEach(() => void (project = new Project()));
  afterEach(() => project[Symbol.dispose]());

  const inImage = () => {
    const list = execFileSync("tar", ["-tvf", join(project.out, "image.tar"), "--wildcards", "./etc/resolv.conf*"]);
    return list
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.replace(/.*\.\/etc\//, ""));
  };
  const look = "cat /etc/resolv.conf; echo original; cat /etc/resolv.conf.ORIG";
  const seen = () => [
    ...readFileSync("/etc/resolv.conf", "utf8").trimEnd().split("\n"),
    "original",
    "nameserver 192.0.2.1",
  ];

  test("shows scripts the host's with the image's beside it, in tree and disk phases, and the image has its own", async () => {
    project.script("install.d/10-look", look);
    project.script("finalise.d/11-look", look);
    project.script("post-root.d/12-look", 'ls "$TMP_MOUNT_PATH/etc" | tr "\\n" " "');
    const { events } = await project.build({ elements: ["toy-os", "subject"], flags: { formats: ["tar", "qcow2"] } });
    expect(outputOf(events, "10-look")).toEqual(seen());
    expect(outputOf(events, "11-look")).toEqual(seen());
    expect(outputOf(events, "12-look")).toEqual(["os-release resolv.conf resolv.conf.ORIG "]);
    expect(inImage()).toEqual(["resolv.conf"]);
    const text = execFileSync("tar", ["-xOf", join(project.out, "image.tar"), "./etc/resolv.conf"]).toString();
    expect(text).toBe("nameserver 192.0.2.1\n");
  });

  test("keeps the link that an element leaves, and nothing beside it", async () => {
    project.script("finalise.d/90-link", "rm /etc/resolv.conf; ln -s /run/resolv.conf /etc/resolv.conf");
    await project.build();
    expect(inImage()).toEqual(["resolv.conf -> /run/resolv.conf"]);
  });

  test("that fails leaves the host's file alone", async () => {
    const before = [readFileSync("/etc/resolv.conf", "utf8"), lstatSync("/etc/resolv.conf").mtimeMs];
    project.script("install.d/90-fail", "echo changed > /etc/resolv.conf; exit 1");
    await expect(project.build()).rejects.toMatchObject({ code: "SCRIPT_FAILED" });
    expect([readFileSync("/etc/resolv.conf", "utf8"), lstatSync("/etc/resolv.conf").mtimeMs]).toEqual(before);
  });
});
