/** The public API of @dibjs/core: each name listed. */
export {
  cleanUpBlockDevice,
  createBlockDevice,
  deleteBlockDevice,
  unmountBlockDevice,
  writeBlockDeviceFstab,
  type BlockDeviceServices,
} from "./block-device/command/commands.js";
export { blockDeviceVariables, initBlockDevice } from "./block-device/command/layout.js";
export { readParameters, type BlockDeviceParameters } from "./block-device/command/parameters.js";
export { getBlockDeviceValue } from "./block-device/command/values.js";
export { buildImage, forecastImage, planImage, updateLock, type BuildOptions } from "./build.js";
export {
  defineBlockNode,
  defineLoan,
  type BlockNodeType,
  type Borrow,
  type BlockDevice,
  type DiskState,
  type Loan,
  type LoanData,
  type LoanServices,
  type NodeConfig,
  type NodeRequest,
} from "./block-device/node.js";
export { defineConfig } from "./config/define-config.js";
export { loadConfig, loadElementPlaces, type LoadedConfig, type LoadRequest } from "./config/load.js";
export { debianArch, type Flags } from "./config/normalize.js";
export { parseYaml, type ParsedYaml, type PlaceOf } from "./config/parse-yaml.js";
export { findProject, findWorkspace } from "./config/project.js";
export { trustedFolders } from "./config/trusted-folders.js";
export { shownValue } from "./config/shown.js";
export { isSecretName } from "./config/variables.js";
export type { WrittenConfig, WrittenSettings } from "./config/written.js";
export type { BuildConfig, Origin } from "./config/schema.js";
export { discoverElements, type DiscoverRequest } from "./elements/discover.js";
export {
  defineElement,
  type Element,
  type ElementApi,
  type ElementCatalog,
  type ElementDefinition,
  type ElementManifest,
  type ElementRef,
  type ElementSet,
  type ElementSource,
  type StandardSchema,
  type Step,
} from "./elements/element.js";
export { requestedElements, type Asked, type Expansion } from "./elements/expand.js";
export { imageElementArray, imageElementYaml } from "./elements/image-elements.js";
export { checkInstalled } from "./elements/check-installed.js";
export { loadElement } from "./elements/load.js";
export { readPackage, isUsable, type ElementPackage, type UnusablePackage } from "./elements/package.js";
export { describePackage, formatPackedManifest, type PackedManifest } from "./elements/packed-manifest.js";
export { parseElementName } from "./elements/name.js";
export { readRelations } from "./elements/relations.js";
export { expandRequest, resolveElements } from "./elements/resolve.js";
export { setUpElements } from "./elements/set-up.js";
export {
  BuildError,
  catalogue,
  formatDifference,
  formatPlace,
  isBuildError,
  reasonOf,
  throwFindings,
  type ErrorCode,
  type FailureKind,
  type Place,
} from "./errors.js";
export { download, type Downloaded, type DownloadRequest } from "./fetch/download.js";
export { shownAddress } from "./fetch/shown-address.js";
export { selectKeys, type SelectedKeys } from "./fetch/keyring.js";
export type { FetchedCommit, FetchedFile, Sources } from "./fetch/sources.js";
export { verifySignature, type SignatureRequest } from "./fetch/signature.js";
export { defineFormat, type FormatRequest, type FormatResult, type ImageFormat } from "./formats/format.js";
export {
  createHooks,
  type ElementHooks,
  type Hook,
  type HookMap,
  type Hooks,
  type Order,
  type Tap,
  type Tappable,
} from "./hooks.js";
export type { Layer } from "./layers/layer.js";
export { pruneLayers, type PruneLimits } from "./layers/prune.js";
export { LayerStore, lastUsed, layersFolder, type StoredLayer } from "./layers/store.js";
export type { PhaseForecast } from "./layers/forecast.js";
export type { LockDifference } from "./lock/compare.js";
export type { Lock, LockEntry } from "./lock/lock.js";
export { checkLock, readLockState, type LockMode, type LockState } from "./lock/policy.js";
export type { ImportedElement, ImportRequest } from "./import/import-elements.js";
export { importElements } from "./import/start.js";
export { lintAsDib, type DibLintRequest } from "./lint/dib-lint/start.js";
export { lintElements, type LintFinding, type LintReport, type LintRequest } from "./lint/lint.js";
export { credentialsIn } from "./mask.js";
export { nearest } from "./nearest.js";
export { makePackageFolder } from "./pack/new-folder.js";
export { packageNameOf, type NamedPackage } from "./pack/package-name.js";
export { packElements, type PackReport, type PackRequest } from "./pack/pack.js";
export { compareScripts, numberOf } from "./phases/order.js";
export type { Env, PhaseRun, ScriptOutcome, ScriptRun, Target } from "./phases/phase-run.js";
export { outOfSpace } from "./out-of-space.js";
export { breakPoints, phaseNames, phases, type PhaseInfo, type PhaseName } from "./phases/table.js";
export { checkHost } from "./plan/check-host.js";
export { describeHost, type HostFact } from "./plan/describe-host.js";
export { canonicalJson, planDigest } from "./plan/digest.js";
export type {
  BuildPlaces,
  BuildPlan,
  PlannedElement,
  PlannedPhase,
  PlannedScript,
  PlannedVariable,
} from "./plan/plan.js";
export type { PreparedPlan } from "./plan/prepare.js";
export { createExec, startProcess, type Exec, type ExecOptions, type ExecResult } from "./process/exec.js";
export { shellWord } from "./process/shell-word.js";
export type { BuildEvent, ScriptRef } from "./report/events.js";
export type { AptSuite, Artifact, BuildReport, PhaseReport, ScriptReport } from "./report/report.js";
export type { ShellRequest } from "./worker/shell-request.js";
export {
  boundRegistry,
  checkInstalledVersions,
  checkIntegrities,
  checkRegistries,
  checkReleaseAges,
  isApproved,
  isExcluded,
  type Release,
} from "./trust/check.js";
export { findScriptedPackages, type ScriptedPackage } from "./trust/lifecycle.js";
export { packageLockNames, readPackageLock, type LockedPackage, type PackageLock } from "./trust/locked-package.js";
export { signatureFlaw, type RegistryKey, type RegistrySignature } from "./trust/registry-signature.js";
export { findPolicy, parsePolicy, policyFile, readPolicy, type Policy } from "./trust/policy.js";
export { sweepDeadBuilds } from "./workspace/journal.js";
export type { HookTree } from "./workspace/hook-tree.js";
export { makeFolders } from "./workspace/make-folders.js";
export type { Fingerprint, MountSet, Workspace } from "./workspace/workspace.js";
