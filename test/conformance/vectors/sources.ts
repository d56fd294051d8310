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
