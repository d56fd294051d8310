/** What a layout may say to `pvcreate`, `vgcreate`, `lvcreate` and `cryptsetup luksFormat`. */
import { amount, knownOptions, refusedWords, word, yesOrNo, type KnownOptions } from "./options.js";

const flags = "-f --force -y --yes -q --quiet -v --verbose";
const tag = /^@?[\w.+=!:&#-]+$/;
const policy = /^(contiguous|cling|cling_by_tags|normal|anywhere|inherit)$/;

const pv = knownOptions([
  [flags, null],
  ["-Z --zero --metadataignore", yesOrNo],
  ["--bootloaderareasize --dataalignment --dataalignmentoffset --labelsector --metadatasize", amount],
  ["--pvmetadatacopies --metadatacopies --setphysicalvolumesize", amount],
  ["-M --metadatatype", /^(lvm)?2$/],
]);

const vg = knownOptions([
  [flags, null],
  ["-Z --zero --metadataignore --setautoactivation", yesOrNo],
  ["-l --maxlogicalvolumes -p --maxphysicalvolumes -s --physicalextentsize", amount],
  ["--dataalignment --dataalignmentoffset --labelsector --metadatasize --pvmetadatacopies", amount],
  ["--metadatacopies --vgmetadatacopies", /^(all|unmanaged|\d+)$/],
  ["--alloc", policy],
  ["--addtag", tag],
  ["-M --metadatatype", /^(lvm)?2$/],
]);

const lv = knownOptions([
  [flags, null],
  ["--nosync", null],
  ["-C --contiguous -W --wipesignatures -Z --zero --setautoactivation", yesOrNo],
  ["--errorwhenfull --poolmetadataspare", yesOrNo],
  ["-c --chunksize -i --stripes -I --stripesize -m --mirrors -R --regionsize --poolmetadatasize", amount],
  ["-r --readahead", /^(auto|none|\d+[a-z]?)$/i],
  ["--discards", /^(ignore|(no)?passdown)$/],
  ["--type", /^(linear|striped|mirror|raid(0|0_meta|1|4|5|6|10))$/],
  ["--alloc", policy],
  ["--addtag", tag],
]);

const luks = knownOptions([
  ["--use-random --use-urandom", null],
  ["-i --iter-time --pbkdf-force-iterations --pbkdf-memory --pbkdf-parallel", /^\d+$/],
  ["-s --key-size --sector-size --align-payload", /^\d+$/],
  ["--luks2-metadata-size --luks2-keyslots-size", amount],
  ["-h --hash -I --integrity --subsystem", word],
]);

const tables = { pv, vg, lv, luks } satisfies Record<string, KnownOptions>;

export const refusedVolumeWords = (of: keyof typeof tables, words: readonly string[]): readonly string[] =>
  refusedWords(words, tables[of]);
