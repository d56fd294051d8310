/**
 * The variables that scripts get. An allow-list, so that what a script sees does not depend on whose shell started the
 * build: DIB's own names, what elements declare, what the user names. The drop-in commands hand on everything, as DIB does.
 */
import { BuildError } from "../errors.js";
import { credentialsIn } from "../mask.js";
import type { BuildConfig, Origin } from "./schema.js";

export type Env = Readonly<Record<string, string | undefined>>;

export interface GivenVariable {
  readonly name: string;
  readonly value: string;
  readonly origin: Origin;
  readonly secret?: boolean;
}

export interface VariableSources {
  readonly env: Env;
  /** From the config file, later ones win. */
  readonly written: readonly GivenVariable[];
  /** From settings: what DIB lets scripts see of them. */
  readonly settings: readonly GivenVariable[];
  /** `--env NAME` and `--env NAME=VALUE`. */
  readonly asked: readonly string[];
  readonly allEnvironment: boolean;
  /** Names that are settings, and never handed on as they are. */
  readonly settingVariables: ReadonlySet<string>;
}

export interface Variables extends Pick<BuildConfig, "environment" | "runEnvironment" | "callerEnvironment"> {
  readonly findings: readonly BuildError[];
}

/** Precedence: `--env`, the environment, the config file. Findings: PLAN_VARIABLE_INVALID. */
export function assembleVariables(sources: VariableSources): Variables {
  const { env, allEnvironment, settingVariables } = sources;
  const findings: BuildError[] = [];
  const given = new Map<string, GivenVariable>();
  const run = new Map<string, string>();
  const rest = new Map<string, string>();

  for (const variable of sources.written) given.set(variable.name, variable);
  for (const [name, value] of Object.entries(env)) {
    if (
      value === undefined ||
      value.includes("\0") ||
      !isName(name) ||
      isDenied(name) ||
      isSetByEngine(name) ||
      ofTheShell.has(name)
    )
      continue;
    const written = given.get(name);
    if (isOfRun(name) || (allEnvironment && isIdentity(name))) {
      run.set(name, value);
      given.delete(name);
    } else if (isIdentity(name) || settingVariables.has(name)) continue;
    else if (allEnvironment || isAllowed(name) || written !== undefined)
      given.set(name, { name, value, origin: "environment", ...(written?.secret === true ? { secret: true } : {}) });
    else rest.set(name, value);
  }
  for (const variable of sources.settings) given.set(variable.name, variable);
  for (const text of sources.asked) {
    const variable = readAsked(text, env, findings);
    if (variable !== undefined && !settingVariables.has(variable.name)) given.set(variable.name, variable);
  }

  for (const variable of given.values()) findings.push(...problemsOf(variable));
  return {
    environment: Object.fromEntries(
      [...given.values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, value, origin, secret }) => [name, { value, origin, secret: secret ?? isSecret(name, value) }]),
    ),
    runEnvironment: Object.fromEntries(run),
    callerEnvironment: Object.fromEntries(rest),
    findings,
  };
}

/** Splits `NAME=VALUE`; `NAME` alone takes the caller's value, which must exist. */
function readAsked(text: string, env: Env, findings: BuildError[]): GivenVariable | undefined {
  const equals = text.indexOf("=");
  const name = equals === -1 ? text : text.slice(0, equals);
  const value = equals === -1 ? env[name] : text.slice(equals + 1);
  if (value !== undefined) return { name, value, origin: "--env" };
  findings.push(new BuildError("PLAN_VARIABLE_INVALID", { name, origin: "--env", reason: "it is not set." }));
  return undefined;
}

function problemsOf({ name, value, origin }: GivenVariable): readonly BuildError[] {
  const problem = (reason: string) => [new BuildError("PLAN_VARIABLE_INVALID", { name, origin, reason })];
  if (!isName(name)) return problem("a name is letters, digits and _, and does not begin with a digit.");
  if (isDenied(name)) return problem("it would change how the build's own programs run.");
  if (isSetByEngine(name)) return problem("dib sets it itself.");
  if (value.includes("\0")) return problem("its value holds a NUL byte.");
  return [];
}

const isName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);

const isDenied = (name: string): boolean => denied.has(name) || name.startsWith("BASH_FUNC_") || name.startsWith("LD_");
const denied: ReadonlySet<string> = new Set([
  "BASH_ENV",
  "ENV",
  "SHELLOPTS",
  "BASHOPTS",
  "PS4",
  "IFS",
  "NODE_OPTIONS",
  "BASH_XTRACEFD",
  "PROMPT_COMMAND",
]);

/** Set by the engine for every script; a value from outside would be a lie (an outer build's, for example). */
const isSetByEngine = (name: string): boolean => setByEngine.has(name) || name.startsWith("TMP_");
const setByEngine: ReadonlySet<string> = new Set(
  `_LIB DIB_ARGS DIB_ENV IMAGE_ELEMENT IMAGE_ELEMENT_YAML IMAGE_TYPE TARGET_ROOT OUT_IMAGE_PATH IMAGE_BLOCK_DEVICE IMAGE_BLOCK_DEVICES
   DIB_BLOCK_DEVICE_PARAMS_YAML DIB_ROOT_LABEL DIB_ROOT_FSTYPE DIB_BOOT_LABEL DIB_MOUNTPOINTS
   DIB_FETCH_LOG DIB_LOCKED_FILES DIB_LOCKED_PACKAGES`.split(/\s+/),
);

const ofTheShell: ReadonlySet<string> = new Set(["PATH", "HOME", "USER", "LOGNAME", "PWD", "OLDPWD", "SHLVL", "_"]);

/** Name the run, and are part of no plan: proxies, what a break point does, the terminal. */
const isOfRun = (name: string): boolean => /^(https?|ftp|rsync|all|no)_proxy$/i.test(name) || ofRun.has(name);
const ofRun: ReadonlySet<string> = new Set(["break_cmd", "break_outside_target", "TERM", "TMPDIR"]);

/** Whose session it was; it only makes builds differ. */
const isIdentity = (name: string): boolean => identity.has(name) || /^(LC_|SUDO_|XDG_|SSH_)/.test(name);
const identity: ReadonlySet<string> = new Set(
  "SHELL MAIL LANG LANGUAGE TZ DISPLAY COLUMNS LINES DIB_QUIET DIB_NO_TIMESTAMP DIB_PROGRESS NO_COLOR FORCE_COLOR CI".split(
    " ",
  ),
);

const isAllowed = (name: string): boolean =>
  /^(DIB|REG|GENTOO)_/.test(name) || name.startsWith("PYPI_MIRROR_URL") || documented.has(name);

/** What DIB's documentation names without its prefix. */
const documented: ReadonlySet<string> = new Set(
  `ACI_MANIFEST BASE_IMAGE_FILE BUSYBOX DISTRO_NAME DRACUT_VERSION EFI_BOOT_DIR EXTRA_DETACH EXTRA_UNMOUNT NO_SOURCE_REPOSITORIES
   PIP_DOWNLOAD_CACHE SHA256SUMS SIGNATURE_FILE SIGNED_BY SOURCE_DATE_EPOCH SUBRELEASE_REGEXP UBOOT_KERNEL_ADDR UBOOT_KERNEL_EP YUM YUM_FLAGS`.split(
    /\s+/,
  ),
);

/** Elements may declare more. A URL is secret as a whole when it holds a password. */
const isSecret = (name: string, value: string): boolean => isSecretName(name) || credentialsIn(value).length > 0;

export const isSecretName = (name: string): boolean =>
  /PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|(ACTIVATION|PRIVATE|ACCESS|SAT|API)_?KEY/i.test(name);
