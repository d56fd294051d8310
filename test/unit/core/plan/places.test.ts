import type { BuildConfig } from "@dibjs/core/config/schema.js";
import { placesOf } from "@dibjs/core/plan/places.js";
import { expect, test } from "vitest";

const argsOf = (args: readonly string[], secrets: Readonly<Record<string, string>>) => {
  const environment = Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [name, { value, origin: "--env", secret: true }]),
  );
  const config: Partial<BuildConfig> = {
    args,
    environment,
    cwd: "/",
    output: "x",
    elementPaths: [],
    runEnvironment: {},
  };
  return placesOf({ callerEnvironment: {}, ...config } as BuildConfig, []).args;
};

test("DIB_ARGS holds no secret, however short it is and however often it was given", () => {
  const args = ["vm", "--env", "PW=first", "--env", "PW=a b", "--env=PIN=1", "--env", "OPEN=1"];
  expect(argsOf(args, { PW: "a b", PIN: "1" })).toBe("vm --env PW=*** --env PW=*** --env=PIN=*** --env OPEN=1");
});
