/** Where the parts of a block device config were written: each map of its YAML, and each node by its name. */
export class ConfigPlaces {
  readonly origin: string;
  readonly #maps = new WeakMap<object, string>();
  readonly #nodes = new Map<string, string>();

  /** `origin`: `element NAME`, `file://…`, `DIB_BLOCK_DEVICE_CONFIG`. */
  constructor(origin: string) {
    this.origin = origin;
  }

  note(map: object, line: number, column: number): void {
    this.#maps.set(map, this.at(line, column));
  }

  at = (line: number, column: number): string => `${this.origin}:${line}:${column}`;

  /** Of a value of the config; when there is no line for it, that of what it lies in. */
  of(value: unknown, around = this.origin): string {
    return (typeof value === "object" && value !== null ? this.#maps.get(value) : undefined) ?? around;
  }

  /** A node that stands for a value of the config, or came from another node. */
  noteNode(name: string, place: string): void {
    this.#nodes.set(name, place);
  }

  hasNode = (name: string): boolean => this.#nodes.has(name);

  ofNode(name: string): string {
    return this.#nodes.get(name) ?? this.origin;
  }
}
