import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runElement, type ElementRun } from "../support/run-element.js";
import { fileOf, testDifference } from "../support/test-difference.js";

const password = 'a secret of 27 letters: %s"x';
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFixtureFixtureFixtureFixtureFixtureFixtureFix who@build-host";

let run: ElementRun;
beforeAll(async () => {
  run = await runElement(["devuser", "local-config", "dynamic-login"], {
    env: {
      DIB_DEV_USER_USERNAME: "ann.dev",
      DIB_DEV_USER_PASSWORD: password,
      DIB_DEV_USER_PWDLESS_SUDO: "yes",
      DIB_DEV_USER_GROUPS: "adm,staff",
      DIB_DEV_USER_SHELL: "/bin/dash",
      DIB_LOCAL_CONFIG_USERNAME: "ann.dev",
      http_proxy: "http://proxy.invalid:3128",
      no_proxy: "127.0.0.1,mirror.example",
    },
    prepare: async (home) => {
      await mkdir(join(home, ".ssh"));
      await writeFile(join(home, ".ssh/id_ed25519.pub"), `${key}\n`);
      await writeFile(join(home, ".ssh/authorized_keys"), `${key} of authorized_keys\n`);
    },
  });
});
afterAll(() => run[Symbol.asyncDispose]());

describe("devuser", () => {
  testDifference("devuser", "makes the user, with a home, keys and a sudo rule", () => run, {
    added: {
      "/home/ann.dev": { kind: "folder", mode: 0o755, owner: "1000:1000" },
      "/etc/sudoers.d/ann_dev": fileOf("ann.dev ALL=(ALL) NOPASSWD:ALL\n", 0o440),
      "/home/ann.dev/.ssh": { kind: "folder", mode: 0o700, owner: "1000:1000" },
      "/home/ann.dev/.ssh/authorized_keys": { kind: "file", mode: 0o600, owner: "1000:1000" },
    },
    changed: { "/etc/passwd": { after: { mode: 0o644, owner: "0:0" } } },
  });

  test("the user has the shell and the groups that are named", async () => {
    expect(await run.read("/etc/passwd")).toMatch(/^ann\.dev:x:1000:1000:[^:]*:\/home\/ann\.dev:\/bin\/dash$/m);
    expect(await run.chroot({}, "id", "-nG", "ann.dev")).toBe("ann.dev adm staff\n");
  });

  test("sets the password", async () => {
    const hash = /^ann\.dev:([^:]+):/m.exec(await run.read("/etc/shadow"))?.[1] ?? "";
    const [, method, salt] = /^(\$y\$[^$]+\$)([^$]+)\$/.exec(hash) ?? [];
    const script = 'perl -e \'print crypt($ARGV[0], $ARGV[1])\' -- "$1" "$2"';
    expect(await run.chroot({}, "sh", "-c", script, "sh", password, `${method}${salt}`)).toBe(hash);
  });

  test("lets the password appear in no event, no file of the build and no file of the image", async () => {
    expect(JSON.stringify(run.events)).not.toContain(password.slice(0, 20));
    const out = await readdir(run.out, { recursive: true, withFileTypes: true });
    const written = out
      .filter((entry) => entry.isFile() && entry.name !== "image.tar")
      .map(({ parentPath, name }) => join(parentPath, name));
    expect(written.map((file) => basename(file))).toEqual(
      expect.arrayContaining(["image.report.json", "dib_environment"]),
    );
    for (const file of written) expect(await readFile(file, "utf8"), file).not.toContain(password.slice(0, 20));
    expect(
      await run.chroot({}, "sh", "-c", "grep -rlF 'a secret of 27' /etc /root /tmp /var /usr/local /home || true"),
    ).toBe("");
  });
});

describe("local-config", () => {
  test("adds the caller's authorized keys to those of its user", async () => {
    expect(await run.read("/home/ann.dev/.ssh/authorized_keys")).toBe(`${key}\n${key} of authorized_keys\n`);
  });

  testDifference("local-config", "writes the proxy into apt's configuration", () => run, {
    added: {
      "/etc/apt/apt.conf.d/02-use-http-proxy": fileOf('Acquire::http::Proxy "http://proxy.invalid:3128";\n'),
      "/etc/apt/apt.conf.d/02-no-proxy": fileOf(
        'Acquire::http::Proxy::127.0.0.1 "DIRECT";\nAcquire::http::Proxy::mirror.example "DIRECT";\n',
      ),
    },
  });
});

describe("dynamic-login", () => {
  testDifference("dynamic-login", "adds a program that runs at boot", () => run, {
    added: {
      "/usr/local/bin/dynamic-login": { kind: "file", mode: 0o755, owner: "0:0" },
      "/etc/systemd/system/multi-user.target.wants/dynamic-login.service": { kind: "link" },
    },
  });

  test("its program runs before anybody logs in", async () => {
    expect(await run.read("/usr/lib/systemd/system/dynamic-login.service")).toMatch(/^Before=.*\bgetty\.target\b/m);
  });

  test.each([
    ["quotes around the values", 'quiet rootpwd="$1$salt$hash" sshkey="ssh-rsa AAAB me@there" ro'],
    ["quotes as GRUB puts them", 'quiet "rootpwd=$1$salt$hash" "sshkey=ssh-rsa AAAB me@there" ro'],
    ["values without blanks and quotes", "sshkey=ssh-rsa rootpwd=$1$salt$hash"],
  ])("takes password and key from a kernel command line with %s", async (_, cmdline) => {
    const reset = "usermod -p '*' root; rm -rf /root/.ssh; mkdir -p /proc";
    await run.chroot({}, "sh", "-c", reset);
    const script =
      "dynamic-login; dynamic-login; getent shadow root | cut -d: -f2; cat /root/.ssh/authorized_keys; stat -c %a /root/.ssh /root/.ssh/authorized_keys";
    const said = await run.chroot({ "/proc/cmdline": `${cmdline}\n` }, "sh", "-ec", script);
    const expectedKey = cmdline.includes("AAAB") ? "ssh-rsa AAAB me@there" : "ssh-rsa";
    expect(said.trim().split("\n")).toEqual(["$1$salt$hash", expectedKey, "700", "600"]);
  });

  test("changes nothing when the command line names neither", async () => {
    await run.chroot({}, "sh", "-c", "usermod -p '*' root; rm -rf /root/.ssh");
    const said = await run.chroot(
      { "/proc/cmdline": "quiet ro norootpwd=x" },
      "sh",
      "-ec",
      "dynamic-login; getent shadow root | cut -d: -f2; ls -A /root",
    );
    expect(said).not.toContain(".ssh");
    expect(said.startsWith("*\n")).toBe(true);
  });
});
