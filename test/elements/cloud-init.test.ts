import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runElement, type ElementRun } from "../support/run-element.js";
import { fileOf, testDifference } from "../support/test-difference.js";

/** What cloud-init itself reads from cloud.cfg and the files beside it. */
const settingOf = (run: ElementRun, key: string): Promise<string> =>
  run.chroot(
    {},
    "python3",
    "-c",
    "import sys; from cloudinit.util import read_conf_with_confd; print(read_conf_with_confd(sys.argv[1])[sys.argv[2]])",
    "/etc/cloud/cloud.cfg",
    key,
  );

let run: ElementRun;
let nocloud: ElementRun;
beforeAll(async () => {
  [run, nocloud] = await Promise.all([
    runElement(["cloud-init", "cloud-init-datasources", "cloud-init-growpart"], {
      env: {
        DIB_CLOUD_INIT_DATASOURCES: "ConfigDrive, Ec2",
        DIB_CLOUD_INIT_GROWPART_DEVICES: "[ /, /dev/vda3 ]",
        DIB_CLOUD_INIT_ALLOW_SSH_PWAUTH: "1",
      },
    }),
    runElement(["cloud-init", "cloud-init-nocloud"], { env: { DIB_CLOUD_INIT_DATASOURCES: "Ec2" } }),
  ]);
});
afterAll(async () => {
  await run?.[Symbol.asyncDispose]();
  await nocloud?.[Symbol.asyncDispose]();
});

describe("cloud-init", () => {
  testDifference("cloud-init", "is installed, and started at boot", () => run, {
    added: {
      "/usr/bin/cloud-init": { kind: "file", mode: 0o755, owner: "0:0" },
      "/etc/systemd/system/cloud-init.target.wants/cloud-init.service": { kind: "link" },
    },
  });

  test("allows logins by password when asked to, and leaves cloud.cfg as it came", async () => {
    expect(await settingOf(run, "ssh_pwauth")).toBe("True\n");
    expect(await run.chroot({}, "dpkg", "--verify", "cloud-init")).toBe("");
  });

  testDifference("cloud-init-datasources", "leaves those that are named, and a lenient EC2", () => run, {
    added: {
      "/etc/cloud/cloud.cfg.d/91-dib-cloud-init-datasources.cfg": fileOf(
        "datasource_list: [ ConfigDrive, Ec2, None ]\n",
      ),
      "/etc/cloud/cloud.cfg.d/92-ec2-datasource.cfg": { mode: 0o644, owner: "0:0" },
    },
  });

  testDifference("cloud-init-growpart", "installs growpart, and names the devices in a file", () => run, {
    added: { "/usr/bin/growpart": { kind: "file" }, "/etc/cloud/cloud.cfg.d/55-growpart.cfg": { mode: 0o644 } },
  });

  test("cloud-init reads the devices that growpart may grow", async () => {
    expect(await settingOf(run, "growpart")).toContain("'devices': ['/', '/dev/vda3']");
  });
});

describe("cloud-init-nocloud", () => {
  testDifference("cloud-init-nocloud", "adds an empty seed", () => nocloud, {
    added: {
      "/var/lib/cloud/seed/nocloud/user-data": { kind: "file", content: "" },
      "/var/lib/cloud/seed/nocloud/meta-data": { kind: "file", content: "" },
    },
  });

  test("makes the seed the only data source", async () => {
    expect(await settingOf(nocloud, "datasource_list")).toBe("['NoCloud', 'None']\n");
  });
});

describe("without what they need", () => {
  test.each([
    ["cloud-init-datasources", "05-set-cloud-init-sources", "DIB_CLOUD_INIT_DATASOURCES is not set"],
    ["cloud-init-growpart", "55-growpart", "DIB_CLOUD_INIT_GROWPART_DEVICES is not set"],
  ])("%s ends the build and names the variable", async (element, script, message) => {
    const failure = runElement([element]).then(
      (run) => run[Symbol.asyncDispose](),
      (error: unknown) => error,
    );
    expect(await failure).toMatchObject({
      code: "SCRIPT_FAILED",
      context: { element, script, tail: expect.stringContaining(message) as string },
    });
  });
});
