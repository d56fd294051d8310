/** What a layout may say to the programs that make file systems. Their options of other devices, files and folders are left out. */
import { amount, knownOptions, listOf, refusedWords, word, type KnownOptions } from "./options.js";

const features = /^[\w^,+-]+$/;

const ext = knownOptions([
  ["-c -D -F -j -q -S -v -K", null],
  ["-C -g -G -i -I -m -N -r", amount],
  ["-b", /^-?\d+k?$/i],
  ["-e -L -o -t -U", word],
  ["-O -T", features],
  [
    "-E",
    listOf(
      "assume_storage_prezeroed discard encoding encoding_flags hash_seed lazy_itable_init lazy_journal_init mmp_update_interval nodiscard no_copy_xattrs num_backup_sb orphan_file_size packed_meta_blocks quotatype resize root_owner root_perms stride stripe_width stripe-width",
    ),
  ],
  ["-J", listOf("size fast_commit_size location")],
]);

const xfs = knownOptions([
  ["-f -K -q", null],
  ["-L", word],
  ["-b -s", listOf("size log")],
  [
    "-d",
    listOf(
      "agcount agsize concurrency cowextsize daxinherit extszinherit noalign projinherit rtinherit sectsize size su sunit sw swidth",
    ),
  ],
  ["-i", listOf("align attr exchange log maxpct nrext64 perblock projid32bit size sparse")],
  ["-l", listOf("agnum concurrency internal lazy-count sectsize size su sunit version")],
  ["-m", listOf("autofsck bigtime crc finobt inobtcount metadir reflink rmapbt uuid")],
  ["-n", listOf("ftype log parent size version")],
]);

const btrfs = knownOptions([
  ["-f --force -K --nodiscard -M --mixed -q --quiet -v --verbose", null],
  ["-b --byte-count -l --leafsize -n --nodesize -s --sectorsize", amount],
  ["-d --data -m --metadata --csum --checksum -L --label -U --uuid", word],
  ["-O --features -R --runtime-features", features],
]);

const vfat = knownOptions([
  ["-a -A -c -I -v --invariant", null],
  ["-b -D -f -F -h -M -r -R -s -S --codepage", /^(0x)?[0-9a-f]+$/i],
  ["-g", /^\d+\/\d+$/],
  ["-i -n --variant", word],
]);

const swap = knownOptions([
  ["-c --check -f --force -q --quiet --verbose", null],
  ["-p --pagesize -v --swapversion", amount],
  ["-e --endianness -L --label -U --uuid", word],
]);

const ofType: Readonly<Record<string, KnownOptions>> = { ext2: ext, ext3: ext, ext4: ext, xfs, btrfs, vfat, swap };

/** Of a file system that is not known here: flags, and numbers that are one word with their option. */
const flagOrNumber = /^(-[A-Za-z]\d*|--[a-z][a-z-]*(=\d+[kmgt]?)?)$/i;

export function refusedMkfsWords(type: string, words: readonly string[]): readonly string[] {
  const known = Object.hasOwn(ofType, type) ? ofType[type] : undefined;
  return known === undefined ? words.filter((text) => !flagOrNumber.test(text)) : refusedWords(words, known);
}
