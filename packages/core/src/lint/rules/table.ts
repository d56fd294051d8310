import type { ElementRule, FileRule, SourceRule } from "../rule.js";
import { documentRules } from "./documents.js";
import { elementFileRules } from "./element-files.js";
import { manifestRules } from "./manifest.js";
import { packedRules } from "./packed.js";
import { programRules } from "./programs.js";
import { readmeRules } from "./readme.js";
import { relationRules } from "./relations.js";
import { scriptRules } from "./scripts.js";
import { shellRules } from "./shell.js";
import { linkRules, tarballRules } from "./tarball.js";

/** Every rule; a name stands for one rule. */
export const fileRules: readonly FileRule[] = [...shellRules, ...scriptRules, ...documentRules, ...tarballRules];
export const elementRules: readonly ElementRule[] = [
  ...readmeRules,
  ...elementFileRules,
  ...linkRules,
  ...relationRules,
];
export const sourceRules: readonly SourceRule[] = [...manifestRules, ...packedRules, ...programRules];
