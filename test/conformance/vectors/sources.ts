/**
 * Every vector there is: what diskimage-builder's own tests say, and what they leave open. Each has one test or more that
 * name it, by `vector(ID, …)` of test/support/vectors.ts; a house test fails for one without.
 *
 * A group is what one source says. A vector's name is GROUP/NAME, and its text says in our words what must hold.
 */

interface Group {
  /** A file of diskimage-builder's repository: its tests, or what they leave open. */
  readonly source: string;
  readonly vectors: Readonly<Record<string, string>>;
}

export const groups = {
  deps: {
    source: "diskimage_builder/tests/test_elementdeps.py",
    vectors: {
      "requires-foo": "an element and the one that it needs",
      "requires-requires-foo": "what an element needs by way of another comes too",
      foo: "an element that needs none stands for itself",
      fake: "an unknown element is named, and nothing else is said of it",
      "not-a-dir": "an entry of ELEMENTS_PATH that is no folder is refused by its name",
      self: "an element may need itself",
      circular: "two elements may need each other",
      "provides-virtual":
        "what a real element provides takes the place of the element of that name, and of what that one needs",
      "virtual-and-provider": "to ask for an element and for one that provides it is refused",
      "provider-later": "a provider that was named after who needs it still serves",
      "provided-twice": "two elements that provide the same are refused, with the first one's name",
      "no-operating-system": "a set without an operating system is refused",
      "operating-system-named":
        "to ask for operating-system beside an element that provides it is refused, with that element's name",
      override: "the earlier folder of ELEMENTS_PATH has an element's name",
      "as-a-set": "the expanded names, without their folders",
      "bash-variables": "the code for bash that tells the set can be read by bash",
      "path-from-environment": "the folders come from ELEMENTS_PATH",
      "path-empty": "an empty ELEMENTS_PATH is refused",
    },
  },
  yaml: {
    source: "diskimage_builder/tests/test_diskimage_builder.py",
    vectors: {
      "help-text": "the help shows each key, what it is for and what its value may be",
      environment: "environment is a map of strings, and gives no argument",
      value: "a string is its option and the string; an empty one is no argument; no other kind is taken",
      flag: "true is its option, false is no argument; no other kind is taken",
      enum: "one of a few strings; another is refused",
      repeating: "a number from 0 to 3 repeats its option; another is refused",
      integer: "a number is its option and its digits; one below 1 is refused",
      list: "a list is one option with commas between; an empty one is no argument",
      "positional-list": "a list without an option gives its items",
      "enum-list": "a list of a few strings; another is refused",
      dictionary: "a map is one option of NAME=VALUE with commas between",
      "merged-environment": "the child's environment is the caller's, _LIB and what the entry says",
      command: "the command is bash, the script, the options in their order, the elements",
      "command-text": "the command is shown with its variables in front and quoted where it needs to be",
      "merge-entry": "of two entries of one name scalars are replaced, lists appended, maps joined",
      "two-images": "two names are two commands, of which one may be a ramdisk",
      "merged-images": "an entry without a name, and one with the name of an earlier, go into that one",
      "all-arguments": "every key there is, in the order of its options",
      "dry-run": "--dry-run shows the commands and starts none",
      "runs-all": "each image is one process",
      "stop-on-failure": "--stop-on-failure ends at the first failure, with its exit code",
      "continue-on-failure": "without it all are tried, and the last failure is told",
    },
  },
  logging: {
    source: "diskimage_builder/tests/test_loggingconfig.py",
    vectors: {
      "to-stderr": "with DIB_DEBUG_TRACE=1 every level goes to stderr, and nothing to stdout",
      "debug-place": "a debug line names the function and the file it comes from",
      "no-trace": "without DIB_DEBUG_TRACE, or with 0, there are no debug lines",
      "config-file": "DIB_PYTHON_LOGGING_CONFIG_FILE names a JSON file with another configuration",
    },
  },
  duplicates: {
    source: "diskimage_builder/tests/test_no_dup_filenames.py",
    vectors: { none: "no two of the elements that come with the program have a script of one name in one phase" },
  },
  "block-config": {
    source: "diskimage_builder/block_device/tests/test_config.py",
    vectors: {
      "bad-plugin": "an unknown kind of node is refused",
      "multi-key-node": "an entry with more than one key at the top is refused",
      "simple-graph": "a graph stays as it is",
      "simple-tree": "a tree is the graph that it stands for",
      "deep-tree": "so is a deeper one",
      "multiple-partitions-tree": "so is one of several partitions",
      "bad-edge": "a base that is no node is named",
      "duplicate-name": "two nodes of one name are refused, with the name",
      "deep-order": "each node comes after its base: disk, partition, file system, mount, fstab",
      "multiple-partitions-order": "partitions come in their order, each before its file system",
    },
  },
  mbr: {
    source: "diskimage_builder/block_device/tests/test_mbr.py",
    vectors: {
      "one-logical": "a logical partition lies in an extended one that takes the rest of the disk",
      none: "a table without partitions",
      "one-primary": "a primary partition begins at the alignment",
      "three-primary": "three, each beginning where the last ended",
      "many-logical": "64 logical partitions, each one alignment after the last",
      "primary-and-logical": "three primary and seven logical partitions",
      "type-fat32": "the type of a partition is the one that was asked for",
    },
  },
  gpt: {
    source: "diskimage_builder/block_device/tests/test_gpt.py",
    vectors: { efi: "an ESP, a BIOS boot partition and a root that takes the rest: places, types and names" },
  },
  lvm: {
    source: "diskimage_builder/block_device/tests/test_lvm.py",
    vectors: {
      tree: "the tree is the graph that it stands for",
      "bad-physical-volume": "a group on a physical volume that is not there is refused, with both names",
      "bad-volume-group": "a volume in a group that is not there is refused, with both names",
      "no-size": "a volume with neither size nor extents is refused",
      "multiple-pv": "one group over two physical volumes; sizes are rounded down to extents",
      "multiple-pv-vg": "two groups; all is let go in reverse",
      "spanned-vg": "a volume larger than either physical volume",
      "multiple-partitions":
        "volumes in shares of their group beside other partitions, made in order and let go in reverse",
      thin: "a thin pool and volumes in it",
      "bad-type": "an unknown type of volume is refused, with those that there are",
    },
  },
  mkfs: {
    source: "diskimage_builder/block_device/tests/test_mkfs.py",
    vectors: {
      "duplicate-labels": "a label that two file systems have is refused",
      "label-too-long": "a label that is too long for its file system is refused",
    },
  },
  mount: {
    source: "diskimage_builder/block_device/tests/test_mount_order.py",
    vectors: {
      order: "mounted from the root down and unmounted from below, trimmed but for vfat; swap is not mounted",
      unsorted: "the order of the configuration does not matter",
    },
  },
  state: {
    source: "diskimage_builder/block_device/tests/test_state.py",
    vectors: {
      create: "what each node says of itself can be read by later commands, and is let go in reverse",
      missing: "a command that needs the state says that there is none",
      rollback: "a failure undoes what was made, newest first, and is told",
    },
  },
  size: {
    source: "diskimage_builder/block_device/tests/test_utils.py",
    vectors: {
      absolute: "154MiB is 161480704 bytes, wherever a share could stand",
      "without-unit": "a number alone is bytes",
      "invalid-unit": "an unknown unit is refused",
      broken: "what is no number is refused",
      table: "units of 1024 and of 1000, with fractions",
    },
  },
  "package-installs": {
    source: "diskimage_builder/elements/package-installs/tests/test_package_squash.py",
    vectors: {
      simple: "a package without rules is installed in the install phase",
      arch: "arch and not-arch choose by ARCH",
      "list-x86-64": "of a list of rules those that apply count, for one architecture",
      "list-arm64-xenial": "and for another with its own release",
      "list-arm64-focal": "and for that one with another release",
      when: "= and != compare a variable",
      "when-no-variable": "a variable that is not set is an error",
      "when-list": "all of a list must hold",
      "install-then-build-only": "what another element installs is not taken away again",
      "build-only-then-install": "in the other order neither",
    },
  },
  "svc-map": {
    source: "diskimage_builder/elements/svc-map/tests/test_data_merge.py",
    vectors: {
      "merge-fedora":
        "three elements' services with the names of a distribution that has none of its own: the defaults",
      "merge-ubuntu": "and of one whose family has",
    },
  },
  "cache-url": {
    source: "diskimage_builder/elements/cache-url/tests/test_cache_url.py",
    vectors: {
      creates: "what the server sends is there",
      "not-modified": "what has not changed is left as it is",
      "exit-codes": "404 is 44, other answers are 1, and curl's own failures are curl's",
      conditional: "an old copy is asked for with its date, unless -f asks for it anew",
    },
  },
  // What these tests say of thin pools and of disks with several paths is about a later program than the released one.
  growvols: {
    source: "diskimage_builder/elements/growvols/tests/test_growvols.py",
    vectors: {
      "runs-unmodified": "the released element is in the image as it is",
      main: "the free space becomes a partition, a physical volume, and the volumes that were asked for",
      "not-enough-space": "with too little space it does nothing: exit 0, or 2 when that was asked for",
      devices: "disk, group and next partition are found; what is not there is named",
      amounts: "amounts in units and shares are rounded down to extents",
    },
  },
  functests: {
    source: "tests/run_functests.sh",
    vectors: {
      "tar-by-yaml": "a test element and the one that it tests become a tar, through the YAML front end",
      "should-fail": "a build that is to fail leaves its mark in the image, which the break command fetches",
      "apt-sources": "the test element of apt-sources finds its sources",
    },
  },
  library: {
    source: "tests/run_dib_library_tests.sh",
    vectors: {
      "four-mounts": "mount_proc_dev_sys makes four mounts, also through a link",
      unmount: "unmount_dir takes them away",
      "unmount-missing": "unmount_dir of a folder that is not there succeeds",
      "unmount-but-disk": "unmount_dir leaves the file systems of the build's own disk, and takes others called alike",
    },
  },
  output: {
    source: "tests/run_output_format_test.sh",
    vectors: {
      tar: "-t tar",
      tgz: "-t tgz",
      raw: "-t raw",
      qcow2: "-t qcow2, and without -t",
      squashfs: "-t squashfs",
      docker: "-t docker",
      all: "all formats at once",
    },
  },
  boot: {
    source: "tools/functional-test-check.sh",
    vectors: {
      "root-grown": "the root file system has grown to its disk",
      "command-line": "the kernel has the root's label and the consoles that were configured",
    },
  },
  "run-parts": {
    source: "diskimage_builder/lib/dib-run-parts (without tests)",
    vectors: {
      order: "by the number in front, then by bytes",
      filter: "only executable files, and links to them, with a name that the pattern allows",
      pattern: "RUN_PARTS_REGEX is the pattern",
      list: "--list prints the paths in order and runs none",
      profile: "the table of times is sorted by name",
      "stops-at-failure": "the first script that fails ends it, with that script's status",
      usage: "without a folder: usage, exit 1",
    },
  },
  environment: {
    source: "diskimage_builder/lib/dib-run-parts (without tests)",
    vectors: {
      "lexical-order": "environment.d is read by bytes, executable or not",
      "unset-variable": "a variable that is not set fails the phase",
      exit: "a file that exits fails the phase",
      return: "a file that returns skips its rest only",
      "not-carried": "only what is exported reaches scripts, and nothing of one script reaches the next",
    },
  },
  hooks: {
    source: "diskimage_builder/lib/common-functions: generate_hooks (without tests)",
    vectors: {
      duplicate: "two elements with a script of one name in one phase are refused",
      folders: "all folders of an element are there but tests and __pycache__",
      "top-level": "files at the top of elements are there, but compiled Python",
    },
  },
  "image-size": {
    source: "diskimage_builder/lib/disk-image-create (without tests)",
    vectors: {
      computed: "what the tree takes, divided by 0.6, with the journal, in steps of 64 KiB",
      extra: "DIB_IMAGE_EXTRA_SIZE is added in place of the division",
      given: "an explicit size is taken, fractions too",
      options: "options for mkfs, in order: resize, inodes and journal, then the user's",
    },
  },
  "finish-image": {
    source: "diskimage_builder/lib/img-functions: finish_image (without tests)",
    vectors: {
      renames: "an old output and its sums are renamed with their time",
      overwrites: "OVERWRITE_OLD_IMAGE=1 replaces it",
      checksums: "md5 and sha256 beside it, one or both",
    },
  },
  "resolv-conf": {
    source: "diskimage_builder/lib/common-functions: finalise_base (without tests)",
    vectors: {
      file: "a file is there again as it was",
      link: "a link is there again as it was",
      absent: "where there was none, there is none",
      "made-link": "a link that a script made stays",
      immutable: "a file that a script made immutable stays",
      "original-edited": "what a script wrote to resolv.conf.ORIG is what the image gets",
    },
  },
  break: {
    source: "diskimage_builder/lib/common-functions: check_break (without tests)",
    vectors: {
      match: "an item of the list counts only as a whole",
      command: "break_cmd runs in place of a shell",
      "after-error": "after-error runs when a phase in the image has failed, and the build still fails",
    },
  },
  getval: {
    source: "diskimage_builder/block_device/blockdevice.py (without tests)",
    vectors: {
      "root-label": "the label of the file system that is mounted at /",
      "root-fstype": "its type",
      "boot-label": "the label of /boot, its name where it has none, nothing without /boot",
      "mount-points": "the mount points with | between",
      "image-path": "the file of the disk, once it is made",
      "image-block-device": "its device, once it is made",
      "image-block-devices": "all devices by name, as bash takes them",
      unknown: "an unknown symbol is an error",
    },
  },
  "mkfs-root": {
    source: "diskimage_builder/block_device/blockdevice.py (without tests)",
    vectors: { parameters: "mkfs_root without type, label and options of its own gets those of the command line" },
  },
  "pkg-map": {
    source: "diskimage_builder/elements/pkg-map/bin/pkg-map (without tests)",
    vectors: {
      precedence: "release before distribution before family before default",
      "empty-name": "a package whose name is empty is left out",
      "release-alias": "8-stream has the names of release 8",
      "no-map": "without a map: exit 2, or with --missing-ok the names as they are",
      "no-name": "a name that no map has: exit 1, or with --missing-ok the name as it is",
      usage: "no map named, no names or no distribution: exit 1",
      prefix: "--prefix stands before each line",
    },
  },
  "source-repositories": {
    source: "diskimage_builder/elements/source-repositories/extra-data.d/98-source-repositories (without tests)",
    vectors: {
      parse: "name, type, destination, location and reference of a line, of which the last three may be missing",
      unparsable: "what is no such line is refused, with the line",
      "override-names":
        "DIB_REPOTYPE_, DIB_REPOLOCATION_ and DIB_REPOREF_ with the name, each odd character an underscore",
      "install-type": "an install type other than source passes over it",
    },
  },
  "install-types": {
    source: "diskimage_builder/elements/install-types/extra-data.d/99-enable-install-types (without tests)",
    vectors: {
      default: "the scripts of the default type run",
      chosen: "DIB_INSTALLTYPE_NAME chooses another for that name, with dashes for underscores",
    },
  },
} as const satisfies Readonly<Record<string, Group>>;

type Groups = typeof groups;

/** `GROUP/NAME` of every vector. */
export type VectorId = { [G in keyof Groups]: `${G}/${keyof Groups[G]["vectors"] & string}` }[keyof Groups];

/** What must hold, by the vector's name. */
export const vectors = new Map<string, string>(
  Object.entries<Group>(groups).flatMap(([group, { vectors }]) =>
    Object.entries(vectors).map(([name, text]) => [`${group}/${name}`, text] as const),
  ),
);
