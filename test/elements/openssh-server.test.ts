import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runElement, type ElementRun } from "../support/run-element.js";
import { testDifference } from "../support/test-difference.js";

let run: ElementRun;
beforeAll(async () => {
  run = await runElement(["openssh-server"]);
});
afterAll(() => run[Symbol.asyncDispose]());

describe("openssh-server", () => {
  testDifference("openssh-server", "installs sshd and has it started at boot", () => run, {
    added: {
      "/usr/sbin/sshd": { kind: "file", mode: 0o755, owner: "0:0" },
      "/etc/systemd/system/multi-user.target.wants/ssh.service": {
        kind: "link",
        content: "/lib/systemd/system/ssh.service",
      },
    },
  });

  test("leaves strong algorithms only, which sshd takes", async () => {
    const config = await run.read("/etc/ssh/sshd_config");
    expect(
      config
        .split("\n")
        .slice(0, 3)
        .map((line) => line.split(" ")[0]),
    ).toEqual(["KexAlgorithms", "Ciphers", "MACs"]);
    expect(run.tree.added["/etc/ssh/sshd_config"]).toMatchObject({ mode: 0o644, owner: "0:0" });
    await run.chroot({}, "sh", "-c", "mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N '' -f /tmp/key");
    const effective = await run.chroot({}, "/usr/sbin/sshd", "-T", "-h", "/tmp/key");
    expect(effective).toContain(
      "ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr\n",
    );
    expect(effective).not.toMatch(/hmac-sha1|diffie-hellman-group14-sha1/);
  });
});

describe("runtime-ssh-host-keys", () => {
  test("leaves no host key in the image, though the package made some", () => {
    expect(Object.keys(run.tree.added).filter((path) => path.startsWith("/etc/ssh/ssh_host"))).toEqual([]);
  });

  testDifference("runtime-ssh-host-keys", "adds a program that runs at the first boot", () => run, {
    added: {
      "/usr/local/sbin/runtime-ssh-host-keys.sh": { kind: "file", mode: 0o755, owner: "0:0" },
      "/etc/systemd/system/multi-user.target.wants/ssh-keygen.service": { kind: "link" },
    },
  });

  test("its program runs before sshd", async () => {
    expect(await run.read("/usr/lib/systemd/system/ssh-keygen.service")).toMatch(/^Before=.*\bssh\.service\b/m);
  });

  test("makes the keys that are missing, no DSA one, and keeps those that are there", async () => {
    const files = await run.chroot(
      {},
      "sh",
      "-ec",
      "runtime-ssh-host-keys.sh; sha256sum /etc/ssh/ssh_host*; runtime-ssh-host-keys.sh; sha256sum /etc/ssh/ssh_host*",
    );
    const lines = files.trim().split("\n");
    expect(new Set(lines).size).toBe(6);
    expect(lines).toHaveLength(12);
    expect([...new Set(lines.map((line) => /ssh_host_(\w+)_key/.exec(line)?.[1]))]).toEqual([
      "ecdsa",
      "ed25519",
      "rsa",
    ]);
  });
});
