import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { createExec } from "@dibjs/core/process/exec.js";
import { openJournal, sweepDeadBuilds } from "@dibjs/core/workspace/journal.js";
import { removeFolder } from "@dibjs/core/workspace/remove-folder.js";
import { ResourceStack } from "@dibjs/core/workspace/resource-stack.js";
import { expect, test } from "vitest";
import { resultOf } from "../support/dib.js";
import { giveToOtherUser, startAsOtherUser } from "../support/other-user.js";
import { Project } from "../support/toy-os.js";
import { scratchFolder } from "../support/toy-disk.js";

const exec = createExec();

/** Another build starts after every single release. */
class WatchedStack extends ResourceStack {
  override defer(label: string, release: () => void | Promise<void>) {
    return super.defer(label, async () => {
      await release();
      await sweepDeadBuilds({ exec, emit: () => {} });
    });
  }
}

test("a build that ends at its own pace is never taken for a dead one: what it finished is not swept away", async () => {
  const id = `test${process.pid}`;
  const finished = `/var/tmp/.dib-${id}`;
  mkdirSync(finished);
  try {
    const stack = new WatchedStack();
    await openJournal({ id, folders: [finished] }, stack, { exec } as never);
    await stack[Symbol.asyncDispose]();
    expect({ journal: existsSync(`/run/dib/${id}`), finished: existsSync(finished) }).toEqual({
      journal: false,
      finished: true,
    });
  } finally {
    rmSync(finished, { recursive: true, force: true });
  }
});

test("a build that could not remove a work folder of its own keeps its journal, and the next start clears both", async () => {
  const id = `left${process.pid}`;
  const folder = `/var/tmp/dib_build.${id}`;
  mkdirSync(folder);
  try {
    const stack = new ResourceStack();
    await openJournal({ id, folders: [folder] }, stack, { exec } as never);
    await stack[Symbol.asyncDispose]();
    expect(existsSync(`/run/dib/${id}`)).toBe(true);
    expect(await sweepDeadBuilds({ exec, emit: () => {} })).toContain(folder);
    expect([existsSync(folder), existsSync(`/run/dib/${id}`)]).toEqual([false, false]);
  } finally {
    for (const path of [folder, `/run/dib/${id}`]) rmSync(path, { recursive: true, force: true });
  }
});

test("a dead build whose folder can't be removed is told, and keeps neither another's from being cleared nor a build from starting", async () => {
  const [stuck, other] = [`stuck${process.pid}`, `zother${process.pid}`]; // in this order
  const folders = [stuck, other].map((id) => `/var/tmp/dib_build.${id}`);
  for (const [index, id] of [stuck, other].entries()) {
    mkdirSync(`/run/dib/${id}`, { recursive: true });
    writeFileSync(`/run/dib/${id}/journal.json`, JSON.stringify({ id, folders: [folders[index]] }));
    mkdirSync(`${folders[index]}/mnt`, { recursive: true });
  }
  execFileSync("mount", ["-t", "tmpfs", "tmpfs", `${folders[0]}/mnt`]);
  const events: BuildEvent[] = [];
  const sweep = async () => {
    const removed = await sweepDeadBuilds({ exec, emit: (event) => void events.push(event) });
    return removed.filter((folder) => folders.includes(folder)); // other dead builds may be there
  };
  try {
    expect(await sweep()).toEqual([folders[1]]);
    const text = expect.stringMatching(new RegExp(`${stuck}.*mnt.: Device or resource busy`, "s")) as string;
    expect(events).toContainEqual({ type: "note", level: "warning", text });
    execFileSync("umount", [`${folders[0]}/mnt`]);
    expect(await sweep()).toEqual([folders[0]]);
  } finally {
    for (const path of [...folders, `/run/dib/${stuck}`, `/run/dib/${other}`])
      rmSync(path, { recursive: true, force: true });
  }
});

test("a work folder in which something is still mounted does not go, and what is mounted there stays whole", async () => {
  const { path: scratch, remove } = scratchFolder();
  const [folder, victim] = [join(scratch, "dib_build.x"), join(scratch, "victim")];
  for (const path of [join(folder, "mnt"), victim]) mkdirSync(path, { recursive: true });
  writeFileSync(join(victim, "file"), "kept");
  try {
    execFileSync("mount", ["--bind", victim, join(folder, "mnt")]);
    try {
      await expect(removeFolder(folder, { exec })).rejects.toThrow(/mnt.: Device or resource busy/);
      expect(readFileSync(join(victim, "file"), "utf8")).toBe("kept");
    } finally {
      execFileSync("umount", [join(folder, "mnt")]);
    }
    await removeFolder(folder, { exec });
    expect(existsSync(folder)).toBe(false);
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toContain(scratch);
  } finally {
    remove();
  }
});

test("to see what dead builds left, one has to be root, and is told so", async () => {
  using project = new Project();
  giveToOtherUser(project);
  mkdirSync("/run/dib", { recursive: true, mode: 0o700 });
  const { exitCode, stderr } = await resultOf(startAsOtherUser(project, ["doctor", "--fix"], { rule: "PASSWD: ALL" }));
  expect([exitCode, stderr]).toEqual([3, expect.stringContaining("HOST_PRIVILEGE_MISSING")]);
  expect(stderr).toContain("as root");
});
