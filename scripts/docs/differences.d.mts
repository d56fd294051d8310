/** A row of the table. */
export interface Difference {
  readonly id: string;
  readonly where: string;
  readonly dib: string;
  readonly dibjs: string;
  readonly fault?: readonly string[] | undefined;
  readonly reason?: string | undefined;
  readonly vectors: readonly string[];
}

export interface Differences {
  readonly differences: readonly Difference[];
  readonly faults: Readonly<Record<string, { readonly in: string; readonly what: string }>>;
}

export declare function readDifferences(): Differences;
export declare function renderDifferences(table: Differences, citedElsewhere: readonly string[]): string;
