import { spawnSync } from "node:child_process";
import { masker, secretTexts } from "@dibjs/core/mask.js";
import { expect, test } from "vitest";

test("what a program says of a URL is masked, also when it does not say all of it", () => {
  const secrets = { DIB_PYPI_MIRROR_URL: "https://ada:hunter2!@pypi.example/simple" };
  const runEnvironment = { http_proxy: "http://ada:pr0xy@proxy.example:3128", TERM: "xterm" };
  const mask = masker(secretTexts({ secrets, runEnvironment }));
  expect(mask("using https://ada:hunter2!@pypi.example/simple")).toBe("using ***");
  expect(mask("GET https://ada:hunter2!@pypi.example/other")).toBe("GET https://ada:***@pypi.example/other");
  expect(mask("via ada:pr0xy@proxy.example, xterm")).toBe("via ada:***@proxy.example, xterm");
});

/** What bash says of a secret when it traces, and when it lists its variables. */
const script = `set -x
: "$DIB_PASSWORD" "x$DIB_PASSWORD"
[[ x == "$DIB_PASSWORD" ]] || OTHER=$DIB_PASSWORD
export OTHER="$DIB_PASSWORD"
printf '%q\\n' "$DIB_PASSWORD"
declare -p DIB_PASSWORD; set | grep ^DIB_`;

test.each([
  "hunter2-hunter2",
  "pa'ss$w rd",
  'say "it"\\now',
  "pässwört é",
  "tab\tand\x1bescape",
  "a`b`\\c'",
  "!#*?[x]~",
])("however bash traces it: %j", (secret) => {
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", script], {
    env: { PATH: process.env["PATH"], LC_ALL: "C", DIB_PASSWORD: secret },
    encoding: "latin1",
  });
  const told = masker([secret], "latin1")(stdout + stderr).split("\n");
  const bare = ["", "+ set", "+ grep '^DIB_'", "+ grep ^DIB_", "+ declare -p DIB_PASSWORD"];
  expect(told.filter((line) => !line.includes("***") && !bare.includes(line))).toEqual([]);
  expect(told.filter((line) => line.includes("***")).length).toBeGreaterThanOrEqual(9);
});
