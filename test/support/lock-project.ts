/** A project of two images whose sources (files, a git repository, apt's lists and packages) a test can move on. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lock } from "@dibjs/core";
import { anElement, type ElementFixture } from "./build-fixture.js";
import { runDib, type DibResult } from "./dib.js";
import { serveFolder, type FileServer } from "./file-server.js";
import { toyOs } from "./toy-image.js";

const config = `base: false
formats: [tar]
elementPaths: [elements]
cacheDir: cache
tmpDir: tmp
images:
  one: { elements: [toy-os, source-repositories, subject], output: out/one }
  two: { elements: [toy-os], output: out/two }
`;

export class LockProject implements AsyncDisposable {
  readonly dir: string;
  readonly server: FileServer;
  readonly lockFile: string;
  readonly out: string;
  readonly #served: string;
  readonly #code: string;

  private constructor(dir: string, server: FileServer) {
    this.dir = dir;
    this.server = server;
    this.lockFile = join(dir, "dib.lock");
    this.out = join(dir, "out");
    this.#served = join(dir, "served");
    this.#code = join(dir, "code");
  }

  static async open(): Promise<LockProject> {
    const dir = mkdtempSync("/var/tmp/dibjs-lock-");
    for (const name of ["tmp", "out", "served", "code"]) mkdirSync(join(dir, name));
    const project = new LockProject(dir, await serveFolder(join(dir, "served")));
    writeFileSync(join(dir, "dib.config.yaml"), config);
    toyOs().writeTo(join(dir, "elements"));
    project.subject().writeTo(join(dir, "elements"));
    project.serve("note", "note one\n");
    project.moveMirror({ date: "Mon, 01 Jan 2024 00:00:00 UTC", bash: "5.2.15-2" });
    project.startHistory("one\n");
    return project;
  }

  /** Takes its package list and apt's from the "mirror", which is no source by itself. */
  subject(): ElementFixture {
    const { url } = this.server;
    return anElement("subject")
      .file("source-repository-subject", `code git /opt/code ${this.#code} main\nnote file /opt/note ${url}/note\n`)
      .script(
        "root.d/50-packages",
        `set -e; mkdir -p "$TARGET_ROOT"/var/lib/apt/lists "$TARGET_ROOT"/var/lib/dpkg
curl -fsS -o "$TARGET_ROOT/var/lib/dpkg/status" ${url}/status
curl -fsS -o "$TARGET_ROOT/var/lib/apt/lists/mirror_debian_dists_bookworm_InRelease" ${url}/InRelease`,
      )
      .script(
        "install.d/50-fetch-inside",
        `printf 'file\\thttps://user:pass@inside.invalid/x\\t4\\t%064d\\n' 7 >> "$DIB_FETCH_LOG"`,
      );
  }

  serve(name: string, content: string): void {
    writeFileSync(join(this.#served, name), content);
  }

  /** What the mirror has from now on. */
  moveMirror({ date, bash }: { date: string; bash: string }): void {
    this.serve("InRelease", `Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm\nDate: ${date}\n`);
    this.serve(
      "status",
      `Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: ${bash}\n\nPackage: dash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.5.12-2\n`,
    );
  }

  git(...args: string[]): string {
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    return execFileSync("git", ["-C", this.#code, ...who, ...args], { encoding: "utf8" }).trim();
  }

  /** A new commit on main; returns it. */
  commit(content: string): string {
    writeFileSync(join(this.#code, "file"), content);
    this.git("add", "file");
    this.git("commit", "--quiet", "--allow-empty", "-m", content);
    return this.git("rev-parse", "main");
  }

  /** For a repository that has none; returns its first commit. */
  startHistory(content: string): string {
    this.git("init", "--quiet", "--initial-branch", "main");
    return this.commit(content);
  }

  dropCache(): void {
    rmSync(join(this.dir, "cache"), { recursive: true, force: true });
  }

  dib(...args: readonly string[]): Promise<DibResult> {
    return runDib(args, { cwd: this.dir });
  }

  build(...args: readonly string[]): Promise<DibResult> {
    return this.dib("build", "--image", "one", ...args);
  }

  lockText(): string {
    return existsSync(this.lockFile) ? readFileSync(this.lockFile, "utf8") : "";
  }

  lock(): Lock {
    return JSON.parse(this.lockText()) as Lock;
  }

  outputs(): string[] {
    return readdirSync(this.out).sort();
  }

  /** A file of the image that was built last. */
  inImage(path: string): string {
    return execFileSync("tar", ["--to-stdout", "-xf", join(this.out, "one.tar"), `.${path}`], { encoding: "utf8" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
