/**
 * Builds every element of the released diskimage-builder that has no result yet, and notes what came of it in
 * docs/released-elements.yaml: `npm run released-elements`, as often as it was interrupted. One is built again when its row
 * is taken out there, when it is asked for otherwise, or when a version has changed.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { readRequests, readResults, type ElementResult } from "../../../scripts/docs/released-elements.mjs";
import { root } from "../../house/source.js";
import { pythonPathOfReleased } from "../../support/released-dib.js";
import { digestOf, endOfLog, judge } from "./judge.js";
import { buildPair, type Pair } from "./pair.js";

const logs = join(root, "test/conformance/released-elements/logs");

async function versions(): Promise<string> {
  const egg = readdirSync(await pythonPathOfReleased()).find((name) => name.endsWith(".egg-info"));
  const { version } = JSON.parse(readFileSync(join(root, "packages/core/package.json"), "utf8")) as { version: string };
  return `diskimage-builder ${/-([\d.]+)\.egg-info$/.exec(egg ?? "")?.[1]}, dibjs ${version}`;
}

function note(element: string, result: ElementResult): void {
  const all = Object.entries({ ...readResults(), [element]: result }).sort(([one], [other]) => (one < other ? -1 : 1));
  const text = stringify(Object.fromEntries(all), { lineWidth: 0 });
  writeFileSync(join(root, "docs/released-elements.yaml"), `# Written by npm run released-elements.\n${text}`);
}

/** Those of a build that failed, and of one that made another tree. */
function keepLogs(element: string, { dib, ours, folder }: Pair, { result }: ElementResult): void {
  mkdirSync(logs, { recursive: true });
  for (const [by, { built }] of Object.entries({ dib, dibjs: ours })) {
    const file = join(logs, `${element}.${by}.log`);
    rmSync(file, { force: true });
    if (result !== "passed") writeFileSync(file, endOfLog(built, folder));
  }
}

const results = readResults();
const asked = Object.entries(readRequests()).filter(([, request]) => request["left-out"] === undefined);
const released = await versions();
const wanted = asked.map(([name, request]) => [name, request, `${released}, asked ${digestOf(request)}`] as const);

test("there are elements to build", () => {
  expect(wanted.length).toBeGreaterThan(50);
});

test.each(wanted.filter(([name, , of]) => results[name]?.of !== of))("%s", async (element, request, of) => {
  using pair = await buildPair(element, request);
  const result = judge(pair, request, of);
  note(element, result);
  keepLogs(element, pair, result);
  expect(result, endOfLog(pair.ours.built, pair.folder)).not.toMatchObject({ result: "fails" });
});
