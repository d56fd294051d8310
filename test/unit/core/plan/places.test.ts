import { spawnSync } from "node:child_process";
import type { BuildConfig } from "@dibjs/core/config/schema.js";
import { placesOf } from "@dibjs/core/plan/places.js";
import { describe, expect, test } from "vitest";

const placesWith = (
  more: Partial<BuildConfig>,
  secrets: Readonly<Record<string, string>>,
): ReturnType<typeof placesOf> => {
  const environment = Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [name, { value, origin: "--env", secret: true }]),
  );
  const config: Partial<BuildConfig> = {
    args: [],
    environment,
    cwd: "/",
    output: "x",
    elementPaths: [],
    runEnvironment: {},
  };
  return placesOf({ callerEnvironment: {}, ...config, ...more } as BuildConfig, []);
};
const argsOf = (args: readonly string[], secrets: Readonly<Record<string, string>>) =>
  placesWith({ args }, secrets).args;

test("DIB_ARGS holds no secret, however short it is and however often it was given", () => {
  const args = ["vm", "--env", "PW=first", "--env", "PW=a b", "--env=PIN=1", "--env", "OPEN=1"];
  expect(argsOf(args, { PW: "a b", PIN: "1" })).toBe("vm --env PW=*** --env PW=*** --env=PIN=*** --env OPEN=1");
});

describe("DIB_ENV", () => {
  const envOf = (callerDibVariables: Record<string, string>, secrets: Record<string, string> = {}) =>
    placesWith({ callerDibVariables, args: ["-o", 'a "b"'] }, secrets).dibEnv;

  test("is what bash lists of the variables, DIB_ARGS among them", () => {
    const odd = { DIB_A: 'x"$y`z\\w !', DIB_B: "l1\nl2\t'q\\", DIB_C: "", DIB_D: "ü", DIB_E: "\x1b\x01" };
    const bash = ["--norc", "-c", "export DIB_ARGS='-o a \"b\"'; declare -p $(compgen -v | grep ^DIB_)"];
    const { stdout } = spawnSync("bash", bash, {
      env: { ...odd, PATH: process.env["PATH"], LC_ALL: "C" },
      encoding: "utf8",
    });
    expect(envOf(odd)).toBe(stdout.trimEnd());
  });

  test("has no secret in it", () => {
    const env = envOf(
      { DIB_PIN: "1234x", DIB_WEB: "u:hunter2@h", DIB_SSH_PASSWORD: "pw" },
      { DIB_PIN: "1234x", T: "hunter2" },
    );
    expect(env).toBe('declare -x DIB_ARGS="-o a \\"b\\""\ndeclare -x DIB_WEB="u:***@h"');
  });

  test("is left to the plan without the caller's variables", () => {
    expect(placesWith({}, {}).dibEnv).toBe(undefined);
  });
});
