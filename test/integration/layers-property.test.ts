/**
 * Random edits of toy elements. After each, a build with layers must give the same tree as one into a plain folder without any, and
 * must restore exactly the phases that a model of a few lines predicts.
 */
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent } from "@dibjs/core";
import { digestTree } from "@dibjs/core/layers/tree-digest.js";
import { createExec } from "@dibjs/core/process/exec.js";
import { expect, test } from "vitest";
import { copyPrograms } from "../support/host-programs.js";
import { PlainPlace } from "../support/plain-place.js";
import { Project } from "../support/toy-os.js";

const phases = ["root", "extra-data", "pre-install", "install", "post-install", "post-root"] as const;
type Phase = (typeof phases)[number];
const onHost: ReadonlySet<Phase> = new Set(["root", "extra-data", "post-root"]);

/** What a script does to the tree in /var/lib, with a token that no other has. Each is one that an overlay does in a way of its own. */
const acts: readonly ((token: string) => string)[] = [
  (token) => `echo ${token} >> log`,
  (token) => `echo ${token} > ${token}; ln -f ${token} linked-${token}`,
  (token) => `for f in linked-*; do [ -e "$f" ] && echo ${token} >> "$f"; done; echo ${token} > touched`,
  (token) => `rm -rf folder; mkdir folder; echo ${token} > folder/new`,
  (token) => `mkdir -p folder/deep; echo ${token} > folder/deep/f; rm -rf moved; mv folder moved`,
  (token) => `echo ${token} > setuid; chown 5:6 setuid; chmod 4711 setuid`,
  (token) => `rm -f node; mknod node c 1 7; echo ${token} > ${token}`,
  (token) => `truncate -s 9M sparse; echo ${token} >> sparse`,
  (token) => `echo ${token} > $'not-\\xff-utf8'`,
  (token) => `chmod 0711 ../..; chown 7:8 ../..; echo ${token} > root-of-it`,
  (token) => `chmod 0755 ../..; chown 0:0 ../..; echo ${token} > root-again`,
  (token) => `rm -f link; ln -s ${token} link; rm -f log`,
];

/** A project as the edits see it. */
class Toy {
  readonly scripts = new Map<string, string>();
  readonly files = new Map<string, string>();
  readonly variables = new Map<string, string>();
  #tokens = 0;

  token(): string {
    return `t${this.#tokens++}`;
  }
}

/** A sequence of numbers below 1 that is the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function edit(toy: Toy, random: () => number): void {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const what = random();
  const name = pick(["a", "b"]);
  if (what < 0.6) {
    const phase = pick([...phases.slice(1), "finalise"]);
    const key = `elements/${name}/${phase}.d/50-${name}`;
    if (toy.scripts.has(key) && random() < 0.2) toy.scripts.delete(key);
    else toy.scripts.set(key, pick(acts)(toy.token()));
  } else if (what < 0.7) toy.files.set(`elements/${name}/static/etc/${name}`, toy.token());
  else if (what < 0.8)
    toy.files.set(`elements/${name}/environment.d/50-${name}.bash`, `export ${name.toUpperCase()}=${toy.token()}\n`);
  else if (what < 0.9) toy.files.set(`elements/${name}/data-${name}`, toy.token());
  else toy.variables.set("DIB_TOY", toy.token());
}

/** Which phases find their results: what is visible to a phase and what the ones before have done make its key. */
class Model {
  readonly #keys = new Set<string>();

  build(toy: Toy): Phase[] {
    const restored: Phase[] = [];
    const shared = [...[...toy.files].sort(), ...toy.variables].join("\n");
    let result = "";
    for (const phase of phases) {
      const own = [...toy.scripts]
        .filter(([path]) => path.includes(`/${phase}.d/`))
        .sort()
        .join("\n");
      const seen = phase === "extra-data" ? [...toy.scripts].sort().join("\n") : own;
      const key = digest(shared, seen, result);
      if (this.#keys.has(key)) restored.push(phase);
      this.#keys.add(key);
      result = digest(result, own);
    }
    return restored;
  }
}

const digest = (...texts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(texts)).digest("hex");

const programs = "bash sh cat env ls mkdir rm mv ln chmod chown mknod truncate";
const rootScript =
  (): string => `mkdir -p "$TARGET_ROOT"/{bin,usr/bin,usr/local/bin,etc,tmp,proc,sys,dev,root,run,var/log,var/lib}
${copyPrograms(programs)}
ln -s ../../bin/env "$TARGET_ROOT/usr/bin/env"
printf 'ID=toy\\n' > "$TARGET_ROOT/etc/os-release"`;

/** Makes the project's elements what the edits have made of them. */
function write(toy: Toy, project: Project): void {
  for (const name of ["a", "b"]) rmSync(join(project.elements, name), { recursive: true, force: true });
  for (const name of ["a", "b"]) project.write(`elements/${name}/README`, name);
  for (const [path, content] of toy.files) project.write(path, content);
  for (const [path, act] of toy.scripts) {
    const isOutside = [...onHost].some((phase) => path.includes(`/${phase}.d/`));
    project.write(path, `#!/bin/bash\nset -eu\ncd "${isOutside ? "$TARGET_ROOT" : ""}/var/lib"\n${act}\n`);
  }
}

const restoredOf = (events: readonly BuildEvent[]): string[] =>
  events.flatMap((event) => (event.type === "phase-restored" ? [event.phase] : []));

/** Of what the image holds: modes, owners, attributes, links and content, without times. */
async function digestOfImage(project: Project): Promise<string> {
  const folder = mkdtempSync("/var/tmp/dibjs-test-image-");
  try {
    execFileSync("tar", [
      "-C",
      folder,
      "--xattrs",
      "--xattrs-include=*",
      "--acls",
      "--numeric-owner",
      "-xpf",
      join(project.out, "image.tar"),
    ]);
    return await digestTree(folder, createExec());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Sequences of edits; DIB_TEST_SEED tries others. */
const sequences = 200;
const seed = Number(process.env["DIB_TEST_SEED"] ?? 1);

test(
  `${sequences} random sequences of edits restore what the model predicts, and give what a plain folder without layers gives`,
  { timeout: 40 * 60_000 },
  async () => {
    using project = new Project();
    using plain = new PlainPlace();
    project.write("elements/toy-os/root.d/10-toy-os", `#!/usr/bin/env bash\nset -euo pipefail\n${rootScript()}\n`);
    const [toy, model, random] = [new Toy(), new Model(), randomOf(seed)];
    const elements = ["toy-os", "a", "b"];
    for (let sequence = 0; sequence < sequences; sequence++) {
      for (let left = Math.floor(random() * 3); left >= 0; left--) edit(toy, random);
      write(toy, project);
      const env = Object.fromEntries(toy.variables);
      const flags = { overwriteOldImage: true };
      const { events } = await project.build({ elements, env, flags });
      const layered = { sequence, restored: restoredOf(events), tree: await digestOfImage(project) };
      const inPlain = { ...flags, layers: "none", useTmpfs: false, tmpDir: plain.path };
      const reference = await project.build({ elements, env, flags: inPlain });
      expect(reference.events.some((event) => event.type === "note" && event.text.includes("is a plain folder"))).toBe(
        true,
      );
      expect(layered).toEqual({ sequence, restored: model.build(toy), tree: await digestOfImage(project) });
    }
  },
);
