/** What of the network the programs of a phase reach. */
import { readlinkSync } from "node:fs";
import { expect, test } from "vitest";
import { outputOf, Project } from "../support/toy-os.js";

const phases = ["install", "post-root", "pre-finalise", "finalise", "cleanup"];

/** For each phase: whether its script was in the network of the host, and whether it had a loopback. */
async function networks(dib: object | undefined): Promise<Record<string, string>> {
  using project = new Project();
  if (dib !== undefined)
    project.write(
      "elements/subject/package.json",
      JSON.stringify({ name: "dib-element-subject", version: "1.0.0", dib }),
    );
  for (const phase of phases)
    project.script(`${phase}.d/10-${phase}`, ": > /dev/udp/127.0.0.1/9 && echo loopback; ls -l /proc/self/ns/net");
  const { events } = await project.build();
  const host = readlinkSync("/proc/self/ns/net");
  return Object.fromEntries(
    phases.map((phase) => {
      const [loopback, namespace = ""] = outputOf(events, `10-${phase}`);
      return [phase, `${namespace.endsWith(host) ? "host" : "own"} ${loopback}`];
    }),
  );
}

const ofThePackage = { apiVersion: 1, elements: { subject: "." } };

test("the network is open in tree phases; in disk phases there is a loopback only", async () => {
  expect(await networks(ofThePackage)).toEqual({
    install: "host loopback",
    "post-root": "host loopback",
    "pre-finalise": "own loopback",
    finalise: "own loopback",
    cleanup: "own loopback",
  });
});

test("a disk phase that an element declares in `network` has the network", async () => {
  expect(await networks({ ...ofThePackage, network: ["finalise"] })).toMatchObject({
    "pre-finalise": "own loopback",
    finalise: "host loopback",
    cleanup: "own loopback",
  });
});

test("scripts of a plain folder, as DIB's elements are, have the network in every phase", async () => {
  expect(new Set(Object.values(await networks(undefined)))).toEqual(new Set(["host loopback"]));
});
