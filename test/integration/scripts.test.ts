/** What scripts see, and what a bad one does: real namespaces, mounts and chroot, with an operating system of a few megabytes. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readHostState, type HostState } from "../support/host-guard.js";
import { outputOf, Project } from "../support/toy-os.js";

let project: Project;
let before: HostState;

beforeEach(async () => {
  project = new Project();
  before = await readHostState(project.dir);
});

afterEach(async () => {
  expect(readdirSync(join(project.dir, "tmp"))).toEqual([]);
  expect(await readHostState(project.dir)).toEqual(before);
  project[Symbol.dispose]();
});

describe("a script inside", () => {
  test("sees the hooks read-only at /tmp/in_target.d, a private /dev and only its own phase's processes", async () => {
    project.script(
      "install.d/10-look",
      "echo dev: $(ls /dev); echo pids: $(ls /proc | head -1); echo x > /tmp/in_target.d/new || echo refused",
    );
    const { events } = await project.build();
    const said = outputOf(events, "10-look");
    expect(said).toContain("dev: fd full null ptmx pts random shm stderr stdin stdout tty urandom zero");
    expect(said).toContain("pids: 1");
    expect(said).toContain("refused");
  });

  test("that ends without a newline is told in full before the next one begins", async () => {
    project.script("install.d/10-first", "echo -n first; echo -n complaint >&2");
    project.script("install.d/20-second", "echo second");
    const { events } = await project.build();
    const told = events.flatMap((event) => (event.type === "output" && event.phase === "install" ? [event.text] : []));
    expect(told.slice(0, 2).sort()).toEqual(["complaint", "first"]);
    expect(told.slice(2)).toEqual(["second"]);
  });

  test("gets environment.d in bytewise order, and the caller's values win", async () => {
    project.write("elements/subject/environment.d/10-a.bash", 'export ORDER="${ORDER:-}a"\n');
    project.write(
      "elements/subject/environment.d/2-b.bash",
      'export ORDER="${ORDER:-}b"\nexport DIB_X=${DIB_X:-default}\n',
    );
    project.script("install.d/10-env", 'echo "$ORDER $DIB_X $HOME"');
    const { events } = await project.build();
    expect(outputOf(events, "10-env")).toEqual(["ab default /root"]);
  });

  test("leaves nothing running: a daemon that it started is dead when the phase ends", async () => {
    project.script("install.d/10-daemon", "setsid sleep 12345 >/dev/null 2>&1 & echo started");
    project.script("post-install.d/10-look", "ps ax | grep -c '[1]2345' || true".replace("grep -c", "cat -; echo"));
    await project.build();
    expect(execFileSync("ps", ["ax"]).toString()).not.toContain("sleep 12345");
  });

  test("that keeps its output open after it ended does not hold the build", async () => {
    project.script("install.d/10-open", "setsid sleep 600 & echo done");
    const { report } = await project.build();
    expect(report.seconds).toBeLessThan(60);
  });

  test("may leave a mount below /proc, as binfmt_misc is", async () => {
    project.script("install.d/10-mount", "mount -t tmpfs none /proc/sys/fs; echo mounted");
    const { events } = await project.build();
    expect(outputOf(events, "10-mount")).toEqual(["mounted"]);
  });

  test("with a mount below /proc is interrupted like any other", async () => {
    project.script("install.d/10-mount", "mount -t tmpfs none /proc/sys/fs; echo mounted; sleep 600");
    const interrupt = new AbortController();
    const building = project.build({
      signal: interrupt.signal,
      tap: (hooks) =>
        hooks.event.tap(
          (event) => void (event.type === "output" && event.text === "mounted" && interrupt.abort("SIGINT")),
        ),
    });
    await expect(building).rejects.toMatchObject({ code: "BUILD_INTERRUPTED", kind: "element" });
  });

  test("reads an empty standard input, never the caller's terminal", async () => {
    project.script("install.d/10-stdin", 'echo "got: $(cat)"');
    const { events } = await project.build();
    expect(outputOf(events, "10-stdin")).toEqual(["got: "]);
  });
});

describe("a script outside", () => {
  test("knows the target, the hook folder and the image", async () => {
    project.script(
      "extra-data.d/10-env",
      'echo "$(basename "$TARGET_ROOT") $(basename "$TMP_MOUNT_PATH") $(basename "$TMP_HOOKS_PATH") $(basename "$IMAGE_NAME") $ARCH $IMAGE_ELEMENT"',
    );
    const { events } = await project.build();
    expect(outputOf(events, "10-env")).toEqual([`mnt mnt hooks image ${(await project.config()).arch} subject toy-os`]);
  });

  test("knows the work folders and the raw image, and both folders are the caller's", async () => {
    project.write(
      "elements/toy-os/block-device-default.yaml",
      "- local_loop: { name: disk7 }\n- mkfs: { name: root, base: disk7, type: ext4, mount: { mount_point: / } }\n",
    );
    const look = 'echo "$TMP_BUILD_DIR $TMP_IMAGE_DIR $TMP_IMAGE_PATH"';
    project.script("root.d/05-look", `${look}; stat -c '%u:%g' "$TMP_BUILD_DIR" "$TMP_IMAGE_DIR"`);
    project.script("cleanup.d/10-look", `${look}; stat -c %s "$TMP_IMAGE_PATH"`);
    const { events, report } = await project.build({ flags: { formats: ["qcow2"] } });
    const { buildDir, imageDir } = events.find((event) => event.type === "workspace") ?? {};
    const folders = `${buildDir} ${imageDir} ${imageDir}/disk7.raw`;
    const { uid, gid } = (await project.config()).caller;
    expect(outputOf(events, "05-look")).toEqual([folders, `${uid}:${gid}`, `${uid}:${gid}`]);
    expect(outputOf(events, "10-look")).toEqual([folders, String(report.disk?.sizeBytes)]);
  });

  test("may hand scripts to later phases through the hook folder", async () => {
    project.script(
      "extra-data.d/10-make",
      'mkdir -p "$TMP_HOOKS_PATH/install.d"; printf "#!/bin/bash\\necho made\\n" > "$TMP_HOOKS_PATH/install.d/20-made"; chmod +x "$TMP_HOOKS_PATH/install.d/20-made"',
    );
    const { events } = await project.build();
    expect(outputOf(events, "20-made")).toEqual(["made"]);
  });

  test("may use DIB's exported function for the element list", async () => {
    project.script("extra-data.d/10-array", 'eval declare -A found=($(get_image_element_array)); echo "${!found[*]}"');
    const { events } = await project.build();
    expect(outputOf(events, "10-array")[0]?.split(" ").sort()).toEqual(["subject", "toy-os"]);
  });
});

describe("an unruly script", () => {
  test("that fails and leaves an /etc that is no folder is told as the failure, with what it keeps from being cleared", async () => {
    project.script(
      "post-root.d/10-mess",
      'mv "$TARGET_ROOT/etc" "$TARGET_ROOT/old"; ln -s etc "$TARGET_ROOT/etc"; exit 3',
    );
    await expect(project.build()).rejects.toMatchObject({
      code: "SCRIPT_FAILED",
      kind: "cleanup",
      message: expect.stringContaining("/etc in the target leads out of the expected place") as string,
    });
  });

  test("that prints 100 MB does not grow the worker", async () => {
    project.script("install.d/10-flood", "head -c 100000000 /dev/zero; echo; echo end");
    const { report, events } = await project.build({ logFile: join(project.out, "build.log") });
    expect(outputOf(events, "10-flood").at(-1)).toBe("end");
    expect(report.peakBytes.worker).toBeLessThan(200 * 2 ** 20);
  });

  test("that prints binary is logged as it was written", async () => {
    project.script("install.d/10-binary", "printf '\\xff\\xfe\\x1b]0;title\\x07\\n'");
    const log = join(project.out, "build.log");
    await project.build({ logFile: log });
    expect(readFileSync(log).includes(Buffer.from([0xff, 0xfe, 0x1b]))).toBe(true);
  });

  test("that mounts and leaves is cleaned up after, and what it mounted is untouched", async () => {
    project.write("victim/file", "kept");
    project.script(
      "extra-data.d/10-bind",
      'mkdir -p "$TARGET_ROOT/mnt"; mount --bind "' + join(project.dir, "victim") + '" "$TARGET_ROOT/mnt"',
    );
    await project.build();
    expect(readFileSync(join(project.dir, "victim/file"), "utf8")).toBe("kept");
  });
});

test("an interrupted build ends with the signal and the phase, and leaves nothing", async () => {
  project.script("install.d/10-wait", "echo waiting; sleep 600");
  const abort = new AbortController();
  const interrupted = project.build({
    signal: abort.signal,
    tap: (hooks) =>
      hooks.event.tap((event) => void (event.type === "output" && event.text === "waiting" && abort.abort("SIGINT"))),
  });
  await expect(interrupted).rejects.toMatchObject({
    code: "BUILD_INTERRUPTED",
    context: { signal: "SIGINT", stage: "install" },
  });
});

test("a script of the root phase that is cut short leaves its mounts in nobody's way", async () => {
  project.script(
    "root.d/20-mount",
    'mkdir "$TARGET_ROOT/m"; mount -t tmpfs none "$TARGET_ROOT/m"; echo mounted; exit 1',
  );
  const started = performance.now();
  await expect(project.build()).rejects.toMatchObject({ code: "SCRIPT_FAILED", context: { phase: "root" } });
  expect(performance.now() - started, "ms, where a wait for a busy mount takes ten seconds").toBeLessThan(8000);
});

test("what a script mounts on the finished root and leaves is in no output", async () => {
  project.write("victim/file", "kept");
  project.script(
    "cleanup.d/90-bind",
    `mkdir -p "$TARGET_ROOT/mnt"; mount --bind "${join(project.dir, "victim")}" "$TARGET_ROOT/mnt"`,
  );
  await project.build({ flags: { formats: ["tar", "qcow2"] } });
  expect(execFileSync("tar", ["-tf", join(project.out, "image.tar")]).toString()).not.toContain("mnt/file");
  expect(readFileSync(join(project.dir, "victim/file"), "utf8")).toBe("kept");
});

test("a root without a shell is an image, with environment.d for the phases outside", async () => {
  project.write("elements/bare-os/element-provides", "operating-system\n");
  project.write("elements/bare-os/environment.d/10-bare", "export BARE=yes\n");
  project.write(
    "elements/bare-os/root.d/10-bare",
    '#!/bin/bash\nmkdir "$TARGET_ROOT"/{etc,tmp}; echo x > "$TARGET_ROOT/x"\n',
  );
  project.write("elements/bare-os/cleanup.d/10-bare", '#!/bin/bash\necho "$BARE" > "$TARGET_ROOT/x"\n');
  await project.build({ elements: ["bare-os"], flags: { formats: ["tar", "qcow2"], base: false } });
  expect(execFileSync("tar", ["-xOf", join(project.out, "image.tar"), "./x"]).toString()).toBe("yes\n");
});

test("a script in a root without a shell fails for what is missing", async () => {
  project.write("elements/bare-os/element-provides", "operating-system\n");
  project.write("elements/bare-os/root.d/10-bare", '#!/bin/bash\nmkdir "$TARGET_ROOT"/{etc,tmp}\n');
  project.script("install.d/10-x", "true");
  const failed = project.build({ elements: ["bare-os", "subject"], flags: { base: false } });
  await expect(failed).rejects.toMatchObject({
    code: "ENVIRONMENT_FAILED",
    context: { phase: "install", exitCode: 127 },
  });
});
