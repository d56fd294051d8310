/**
 * Every vector there is: what diskimage-builder's own tests say, and what they leave open. Each has one test or more that
 * name it, by `vector(ID, …)` of test/support/vectors.ts; a house test fails for one without.
 *
 * A group is what one source says. A vector's name is GROUP/NAME, and its text says in our words what must hold.
 */

interface Group {
  /** A file of diskimage-builder's repository, or what part of its behaviour its tests leave open. */
  readonly source: string;
  readonly vectors: Readonly<Record<string, string>>;
}

export const groups = {
  logging: {
    source: "diskimage_builder/tests/test_logging_config.py",
    vectors: {
      "stderr-only": "with DIB_DEBUG_TRACE=1 all levels go to standard error, and none to standard output",
      "debug-place": "debug lines, and only these, name the function and the file that they come from",
      "no-trace": "without DIB_DEBUG_TRACE, or with 0, there are no debug lines",
      "config-file": "DIB_PYTHON_LOGGING_CONFIG_FILE names a JSON file with another configuration",
    },
  },
  "library-functions": {
    source: "tests/run_dib_library_tests.sh",
    vectors: {
      mounts: "mount_proc_dev_sys makes exactly four mounts below the target",
      "mounts-through-link": "the same when the target is reached through a symbolic link",
      unmounts: "unmount_dir takes all of them away",
      "unmounts-nothing": "unmount_dir of a folder that is not there succeeds",
      "unmounts-but-disk":
        "unmount_dir leaves the file systems of the build's own disk, and takes others that are called alike",
    },
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
