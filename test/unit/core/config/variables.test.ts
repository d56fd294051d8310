import { assembleVariables, isSecretName, type VariableSources } from "@dibjs/core/config/variables.js";
import { describe, expect, test } from "vitest";
import { codesOf, failureOf, load, loadPlain } from "./config-folder.js";

const assemble = (sources: Partial<VariableSources>) =>
  assembleVariables({
    env: {},
    written: [],
    settings: [],
    asked: [],
    allEnvironment: false,
    settingVariables: new Set(["ARCH"]),
    ...sources,
  });

describe("the variables that scripts get", () => {
  test("are DIB's and documented ones; the rest is kept for elements that declare it", () => {
    const env = {
      DIB_RELEASE: "noble",
      REG_ORG: "acme",
      BASE_IMAGE_FILE: "x.qcow2",
      break_outside_target: "1",
      AWS_KEY: "k",
      ARCH: "arm64",
      PATH: "/bin",
      HOME: "/root",
      LANG: "tr_TR",
      DIB_QUIET: "1",
    };
    const { environment, runEnvironment, callerEnvironment } = assemble({ env });
    expect(Object.keys(environment)).toEqual(["BASE_IMAGE_FILE", "DIB_RELEASE", "REG_ORG"]);
    expect(environment.DIB_RELEASE).toEqual({ value: "noble", origin: "environment", secret: false });
    expect(runEnvironment).toEqual({ break_outside_target: "1" });
    expect(callerEnvironment).toEqual({ AWS_KEY: "k" });
  });

  test("proxies name the run and are in no plan, in either case", () => {
    const env = { http_proxy: "a", HTTPS_PROXY: "b", no_proxy: "c", ALL_PROXY: "d", ftp_proxy: "e" };
    const { environment, runEnvironment } = assemble({ env });
    expect([environment, runEnvironment]).toEqual([{}, env]);
  });

  test("what the user names wins over the environment, and that over the config file", () => {
    const written = [
      { name: "DIB_A", value: "file", origin: "f:1:1" },
      { name: "DIB_B", value: "file", origin: "f:2:1" },
      { name: "C", value: "file", origin: "f:3:1" },
    ];
    const { environment } = assemble({ written, env: { DIB_A: "env", DIB_B: "env" }, asked: ["DIB_A=flag"] });
    expect(Object.entries(environment).map(([name, { value, origin }]) => [name, value, origin])).toEqual([
      ["C", "file", "f:3:1"],
      ["DIB_A", "flag", "--env"],
      ["DIB_B", "env", "environment"],
    ]);
  });

  test("what the config file names is the caller's to set, whatever it is called", () => {
    const written = ["OWN", "http_proxy", "KEY", "LANG"].map((name) => ({
      name,
      value: "file",
      origin: "f:1:1",
      ...(name === "KEY" ? { secret: true } : {}),
    }));
    const env = { OWN: "env", http_proxy: "env", KEY: "env", LANG: "env" };
    const { environment, runEnvironment, callerEnvironment } = assemble({ written, env });
    expect(environment).toEqual({
      KEY: { value: "env", origin: "environment", secret: true },
      LANG: { value: "file", origin: "f:1:1", secret: false }, // whose session it was makes no difference
      OWN: { value: "env", origin: "environment", secret: false },
    });
    expect([runEnvironment, callerEnvironment]).toEqual([{ http_proxy: "env" }, {}]);
  });

  test("a name alone takes the caller's value; a value may hold anything but NUL", () => {
    const { environment } = assemble({ env: { MINE: "1" }, asked: ["MINE", "EMPTY=", "LINES_OF=a\nb=c"] });
    expect(Object.values(environment).map(({ value }) => value)).toEqual(["", "a\nb=c", "1"]);
  });

  test("settings show as DIB shows them, with the value that counts", async () => {
    const { environment } = await loadPlain({
      env: { DIB_IMAGE_SIZE: "2", ROOT_LABEL: "x", DIB_NO_TMPFS: "1" },
      flags: { imageSizeGiB: "5" },
    });
    expect(Object.entries(environment).map(([name, { value, origin }]) => [name, value, origin])).toEqual([
      ["DIB_IMAGE_SIZE", "5", "--image-size"],
      ["ROOT_LABEL", "x", "$ROOT_LABEL"],
    ]);
  });

  test("of an outer build do not leak in", () => {
    const env = {
      TMP_MOUNT_PATH: "/x",
      _LIB: "/y",
      DIB_ARGS: "z",
      TARGET_ROOT: "/",
      IMAGE_ELEMENT: "a",
      DIB_LOCKED_FILES: "/outer",
    };
    const { environment, runEnvironment, findings } = assemble({ env, allEnvironment: true });
    expect({ environment, runEnvironment, findings }).toEqual({ environment: {}, runEnvironment: {}, findings: [] });
  });
});

describe("the whole environment, as DIB's own commands hand it on", () => {
  test("is there, without what would change how programs run", () => {
    const env = {
      MINE: "1",
      "BASH_FUNC_ls%%": "() { :; }",
      BASH_FUNC_x: "y",
      LD_PRELOAD: "x.so",
      NODE_OPTIONS: "-r x",
      IFS: ":",
      "A=B": "c",
      "1A": "d",
    };
    const { environment, findings } = assemble({ env, allEnvironment: true });
    expect([Object.keys(environment), findings]).toEqual([["MINE"], []]);
  });

  test("what is of the session names the run only", () => {
    const { environment, runEnvironment } = assemble({
      env: { SSH_AUTH_SOCK: "/s", LANG: "C", PWD: "/", HOME: "/h" },
      allEnvironment: true,
    });
    expect([environment, runEnvironment]).toEqual([{}, { SSH_AUTH_SOCK: "/s", LANG: "C" }]);
  });

  test("comes with dropIn, or by itself", async () => {
    const names = async (request: object) =>
      Object.keys((await loadPlain({ env: { MINE: "1" }, ...request })).environment);
    expect([await names({}), await names({ dropIn: true }), await names({ allEnvironment: true })]).toEqual([
      [],
      ["MINE"],
      ["MINE"],
    ]);
  });
});

describe("a variable that can't be", () => {
  test.each([
    ["1A=x"],
    ["=x"],
    ["A-B=x"],
    ["BASH_ENV=x"],
    ["BASH_FUNC_ls%%=x"],
    ["LD_PRELOAD=x"],
    ["PS4=x"],
    ["SHELLOPTS=x"],
    ["NODE_OPTIONS=x"],
    ["TMP_MOUNT_PATH=x"],
    ["NO_SUCH"],
    ["A=b\0c"],
  ])("%j is refused", async (variable) => {
    expect((await failureOf(loadPlain({ variables: [variable] }))).code).toBe("PLAN_VARIABLE_INVALID");
  });

  test("is refused in a config file with its line", async () => {
    const error = await failureOf(load({ "dib.config.yaml": "environment:\n  LD_PRELOAD: x\n" }));
    expect([error.code, error.context]).toMatchObject([
      "PLAN_VARIABLE_INVALID",
      { name: "LD_PRELOAD", origin: "dib.config.yaml:2:15" },
    ]);
  });

  test("and others are told together", async () => {
    expect(await codesOf(loadPlain({ variables: ["1A=x", "IFS=:", "OK=1"] }))).toEqual([
      "PLAN_VARIABLE_INVALID",
      "PLAN_VARIABLE_INVALID",
    ]);
  });
});

test.each([
  ["DIB_DEV_USER_PASSWORD", true],
  ["REG_ACTIVATION_KEY", true],
  ["DIB_API_TOKEN", true],
  ["MY_SECRET", true],
  ["DIB_SAT_KEY", true],
  ["REG_SAT_KEY", true],
  ["DIB_SSH_PASSPHRASE", true],
  ["AWS_ACCESS_KEY_ID", true],
  ["DIB_APIKEY", true],
  ["DIB_CREDENTIALS", true],
  ["DIB_RELEASE", false],
  ["DIB_APT_KEYRING", false],
])("%s is secret: %s", (name, secret) => {
  expect(isSecretName(name)).toBe(secret);
});

test.each([
  ["http_proxy=http://ada:pw@proxy.example:3128", true],
  ["DIB_PYPI_MIRROR_URL=https://tok@pypi.example/simple", true],
  ["DIB_REPOLOCATION_x=ssh://git@example.com/x", false],
  ["DIB_DISTRIBUTION_MIRROR=http://mirror.example/debian?a=b@c", false],
])("%s is secret: %s", (variable, secret) => {
  expect(Object.values(assemble({ asked: [variable] }).environment)).toMatchObject([{ secret }]);
});
