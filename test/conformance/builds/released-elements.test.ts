/** The table of the released diskimage-builder's elements: whole, with a reason for whatever failed, and some of it once more. */
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readRequests, readResults } from "../../../scripts/docs/released-elements.mjs";
import { releasedElements } from "../../support/released-dib.js";
import { endOfLog, judge } from "../released-elements/judge.js";
import { buildPair } from "../released-elements/pair.js";

const requests = readRequests();
const results = readResults();

test("every element of the package has a row", async () => {
  const folders = readdirSync(await releasedElements()).filter((name) => !name.startsWith("__"));
  expect(Object.keys(requests)).toEqual(folders);
});

test("results are of elements that are built, and each that failed in DIB has a reason", () => {
  const isOdd = (name: string) => {
    const request = requests[name];
    return request === undefined || (results[name]?.result !== "passed" && request.fails === undefined);
  };
  expect(Object.keys(results).length).toBeGreaterThan(0);
  expect(Object.keys(results).filter(isOdd)).toEqual([]);
});

describe("built once more, with the same result", () => {
  // One that fails before its first script, one that fails in a script, one that passes.
  test.each(["deploy-kexec", "deploy-targetcli", "apt-conf"])("%s", async (name) => {
    const request = requests[name];
    const noted = results[name];
    if (request === undefined || noted === undefined) throw new Error(`${name} has no result`);
    using pair = await buildPair(name, request);
    const { result, "ended-in": endedIn, unexplained } = judge(pair, request, noted.of);
    expect({ result, endedIn, unexplained }, endOfLog(pair.ours.built, pair.folder)).toEqual({
      result: noted.result,
      endedIn: noted["ended-in"],
      unexplained: [],
    });
  });
});
