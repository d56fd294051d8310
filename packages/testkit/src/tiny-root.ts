/** A root of three megabytes: busybox with all it can do, and bash, which the scripts of most elements ask for. */
import { readFile, realpath } from "node:fs/promises";
import { BuildError, type Exec, type Target } from "@dibjs/core";
import { writeFiles } from "./fixture-files.js";

export const programsOfTinyRoot = [
  { command: "busybox", debian: "busybox-static", fedora: "busybox" },
  { command: "bash", debian: "bash", fedora: "bash" },
  { command: "ldd", debian: "libc-bin", fedora: "glibc-common" },
] as const;

const folders = [
  "bin",
  "dev",
  "etc",
  "home",
  "opt",
  "proc",
  "root",
  "run",
  "sbin",
  "srv",
  "sys",
  "tmp",
  "usr",
  "usr/bin",
  "var",
];
const files = {
  "/etc/os-release": 'ID=tiny\nNAME="A tree for tests"\n',
  "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
  "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
  "/root/": { mode: 0o700 },
  "/tmp/": { mode: 0o1777 },
  "/usr/local/bin/": {},
  "/usr/local/sbin/": {},
  "/usr/sbin/": {},
  "/var/lib/": {},
  "/var/log/": {},
};

export async function layTinyRoot(target: Target, exec: Exec): Promise<void> {
  for (const name of folders) await target.makeFolder(`/${name}`);
  for (const program of ["busybox", "bash"]) await copyProgram(program, target, exec);
  const { stdout } = await exec("busybox", ["--list"]);
  for (const name of stdout.split("\n").filter((line) => line !== "" && line !== "bash" && line !== "busybox"))
    await target.link(`/bin/${name}`, "busybox");
  // Where /bin is a link to /usr/bin, it is there already.
  if (!(await target.exists("/usr/bin/env"))) await target.link("/usr/bin/env", "../../bin/env");
  await writeFiles(files, target);
}

/** To /bin, with the libraries it is linked to at their own places. */
async function copyProgram(name: string, target: Target, exec: Exec): Promise<void> {
  const path = await findProgram(name, exec);
  await copy(path, `/bin/${name}`, target);
  const { stdout } = await exec("ldd", [path]); // fails, and says nothing here, for a static program
  for (const [library] of stdout.matchAll(/\/\S+/g)) await copy(library, library, target);
}

async function findProgram(name: string, exec: Exec): Promise<string> {
  const { stdout } = await exec("bash", ["-c", 'type -P "$1"', "bash", name]);
  if (stdout === "") throw new BuildError("FIXTURE_TREE_FAILED", { doing: "the tiny root", reason: `no ${name} here` });
  return realpath(stdout.trim());
}

async function copy(from: string, path: string, target: Target): Promise<void> {
  if (!(await target.exists(path))) await target.write(path, await readFile(from), { mode: 0o755 });
}
