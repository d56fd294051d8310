import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { root } from "../../house/source.js";
import { tempFolder } from "../../support/temp-folder.js";
import { vector } from "../../support/vectors.js";
import type { VectorId } from "./sources.js";

const program = join(root, "packages/element-base/elements/pkg-map/bin/pkg-map");

const map = {
  default: { a: "a-default", b: "b-default", c: "c-default", d: "d-default", none: "" },
  family: { redhat: { a: "a-family", b: "b-family", c: "c-family" }, debian: { d: "d-debian" } },
  distro: { centos: { a: "a-distro", b: "b-distro" } },
  release: { centos: { "8": { a: "a-release" } } },
};

interface Row {
  readonly id: VectorId;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The lines of its output, or with what it exits. */
  readonly gives: readonly string[] | number;
}

const centos = { DISTRO_NAME: "centos", DIB_RELEASE: "8" };
const rows: readonly Row[] = [
  {
    id: "pkg-map/precedence",
    args: ["a", "b", "c", "d"],
    env: centos,
    gives: ["a-release", "b-distro", "c-family", "d-default"],
  },
  {
    id: "pkg-map/precedence",
    args: ["--distro", "ubuntu", "--release", "noble", "d", "a"],
    gives: ["d-debian", "a-default"],
  },
  { id: "pkg-map/precedence", args: ["--distro", "debian", "d"], env: centos, gives: ["d-debian"] },
  { id: "pkg-map/empty-name", args: ["none", "a"], env: centos, gives: ["a-release"] },
  { id: "pkg-map/release-alias", args: ["a"], env: { ...centos, DIB_RELEASE: "8-stream" }, gives: ["a-release"] },
  { id: "pkg-map/release-alias", args: ["a"], env: { ...centos, DIB_RELEASE: "9-stream" }, gives: ["a-distro"] },
  { id: "pkg-map/no-map", args: ["--pkg-map", "/nowhere/map", "a"], env: centos, gives: 2 },
  {
    id: "pkg-map/no-map",
    args: ["--pkg-map", "/nowhere/map", "--missing-ok", "a", "x"],
    env: centos,
    gives: ["a", "x"],
  },
  { id: "pkg-map/no-name", args: ["unknown"], env: centos, gives: 1 },
  { id: "pkg-map/no-name", args: ["--missing-ok", "unknown", "a"], env: centos, gives: ["unknown", "a-release"] },
  { id: "pkg-map/usage", args: [], env: centos, gives: 1 },
  { id: "pkg-map/usage", args: ["a"], gives: 1 },
  { id: "pkg-map/prefix", args: ["--prefix", "-", "a", "c"], env: centos, gives: ["-a-release", "-c-family"] },
];

for (const { id, args, env = {}, gives } of rows)
  vector(
    id,
    async () => {
      await using folder = await tempFolder();
      const file = join(folder.path, "pkg-map");
      writeFileSync(file, JSON.stringify(map));
      const own = args.includes("--pkg-map") ? [] : ["--pkg-map", file];
      const { status, stdout } = spawnSync(program, [...own, ...args], {
        env: { PATH: process.env["PATH"], ...env },
        encoding: "utf8",
      });
      if (typeof gives === "number") expect(status).toBe(gives);
      else expect({ status, lines: stdout.split("\n").filter(Boolean) }).toEqual({ status: 0, lines: gives });
    },
    args.join(" ") || "nothing",
  );
