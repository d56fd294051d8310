import type { BuildConfig } from "@dibjs/core/config/schema.js";
import type { Element } from "@dibjs/core/elements/element.js";
import { assembleEnvironment, secretsOf } from "@dibjs/core/plan/environment.js";
import { describe, expect, test } from "vitest";

const config = (environment: BuildConfig["environment"], callerEnvironment: Readonly<Record<string, string>> = {}) =>
  ({ environment, callerEnvironment }) as BuildConfig;
const declaring = (...lists: readonly Element["variables"][]) => lists.map((variables) => ({ variables }) as Element);
const given = (value: string, secret = false) => ({ value, origin: "environment", secret });

describe("variables of a plan", () => {
  test("are sorted by bytes and say where they came from", () => {
    const variables = {
      DIB_b: given("1"),
      DIB_B: { value: "2", origin: "--env", secret: false },
      DIB_A: { value: "3", origin: "dib.config.yaml:2:3", secret: false },
    };
    expect(assembleEnvironment(config(variables), [])).toEqual([
      { name: "DIB_A", value: "3", secret: false, origin: "dib.config.yaml:2:3" },
      { name: "DIB_B", value: "2", secret: false, origin: "--env" },
      { name: "DIB_b", value: "1", secret: false, origin: "environment" },
    ]);
  });

  test("of the caller come in only when an element declares them and they are set", () => {
    const caller = { DECLARED: "yes", OTHER: "no" };
    const names = assembleEnvironment(config({}, caller), declaring({ DECLARED: {}, UNSET: {} })).map(
      ({ name, value }) => [name, value],
    );
    expect(names).toEqual([["DECLARED", "yes"]]);
  });

  test("that are given win over the caller's", () => {
    expect(
      assembleEnvironment(
        config({ X: { value: "given", origin: "--env", secret: false } }, { X: "caller's" }),
        declaring({ X: {} }),
      ),
    ).toMatchObject([{ value: "given", origin: "--env" }]);
  });

  test.each([
    ["by the config", config({ TOKEN: given("s3cret", true) }), declaring()],
    [
      "by one element of several",
      config({ TOKEN: given("s3cret") }),
      declaring({ TOKEN: { secret: true } }, { TOKEN: {} }),
    ],
    ["and are the caller's", config({}, { TOKEN: "s3cret" }), declaring({ TOKEN: { secret: true } })],
  ])("that are called secret %s have no value in the plan, and travel beside it", (_, configuration, elements) => {
    const planned = assembleEnvironment(configuration, elements);
    expect(planned).toMatchObject([{ name: "TOKEN", value: undefined, secret: true }]);
    expect(JSON.stringify(planned)).not.toContain("s3cret");
    expect(secretsOf(configuration, elements)).toEqual({ TOKEN: "s3cret" });
  });

  test("that the disk asks for are no script's, but for an element that declares them", () => {
    const configuration = config({ DIB_DISK_PASSPHRASE: given("s3cret", true) });
    const disk = { secrets: [{ node: "crypt", place: { variable: "DIB_DISK_PASSPHRASE" } }] };
    expect(assembleEnvironment(configuration, [], disk)).toEqual([]);
    expect(assembleEnvironment(configuration, declaring({ DIB_DISK_PASSPHRASE: {} }), disk)).toMatchObject([
      { name: "DIB_DISK_PASSPHRASE", value: undefined },
    ]);
    expect(secretsOf(configuration, [])).toEqual({ DIB_DISK_PASSPHRASE: "s3cret" });
  });

  test("that are no secret do not travel beside the plan", () => {
    expect(secretsOf(config({ X: given("1") }), [])).toEqual({});
  });
});
