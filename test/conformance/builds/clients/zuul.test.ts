/** zuul-jobs' role build-diskimage: formats, elements and a log file by the role's variables, and nothing on the console. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { anElement } from "../../../support/build-fixture.js";
import { ClientBuilds, infoOf, labelOf, textIn } from "../../../support/client-builds.js";

/** As the role's variables are. For simple-init, which fetches its source from the net, stands an element of the job's. */
const role = {
  name: "debian",
  formats: ["qcow2", "raw"],
  elements:
    "debian-minimal vm simple-network growroot devuser openssh-server journal-to-console openstack-ci-mirrors".split(
      " ",
    ),
};

test("the log file has each line with its time, up to the one that tells of success; the root has the job's label", async () => {
  using builds = new ClientBuilds();
  builds.own(anElement("simple-network").script("post-install.d/80-simple-network", "echo a line of one element"));
  await builds.beginWithBase();
  writeFileSync(builds.at("id_rsa.pub"), "ssh-rsa AAAA zuul\n");
  const image = builds.at(`images/${role.name}`);
  const log = builds.at(`logs/diskimage-${role.name}.log`);
  const args = ["-o", image, "-t", role.formats.join(","), "--logfile", log, ...role.elements];
  const { exitCode, stdout, stderr } = await builds.run("disk-image-create", args, {
    ...{ ROOT_LABEL: "gate-rootfs", DIB_DEV_USER_USERNAME: "zuul" },
    ...{ DIB_DEV_USER_AUTHORIZED_KEYS: builds.at("id_rsa.pub"), DIB_DEV_USER_PWDLESS_SUDO: "yes" },
  });
  const lines = readFileSync(log, "utf8").trimEnd().split("\n");
  expect(exitCode, lines.slice(-60).join("\n") + stderr).toBe(0);

  expect(stdout).toBe(`Output logs going to: ${log}\n`);
  expect(lines.filter((line) => !/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \| /.test(line))).toEqual([]);
  const said = lines.map((line) => line.slice(26));
  expect(said).toContain("a line of one element");
  expect(said).toContain("Build completed successfully");
  expect(said.filter((line) => /dib-run-parts Running .*80-simple-network/.test(line))).toHaveLength(1);

  expect(builds.images()).toEqual(["d", "qcow2", "raw"].map((ending) => `${role.name}.${ending}`));
  expect(infoOf(`${image}.qcow2`).format).toBe("qcow2");
  expect(labelOf(`${image}.raw`)).toBe("gate-rootfs");
  expect(textIn(`${image}.raw`, "/home/zuul/.ssh/authorized_keys")).toBe("ssh-rsa AAAA zuul\n");
  expect(textIn(`${image}.raw`, "/etc/systemd/journald.conf.d/log-to-console.conf")).toContain(
    "ForwardToConsole=true\n",
  );
});
