/** How an element is built. */
export interface ElementRequest {
  readonly with: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly options: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly fails?: string | undefined;
  readonly differs: readonly string[];
  readonly "left-out"?: string | undefined;
}

export type Outcome = "passed" | "fails in both" | "fails in DIB alone" | "fails";

/** What came of it. */
export interface ElementResult {
  readonly result: Outcome;
  readonly of: string;
  readonly seconds: { readonly dib: number; readonly dibjs: number };
  readonly entries?: number | undefined;
  readonly differ: Readonly<Record<string, number>>;
  readonly "ended-in"?: { readonly dib?: string | undefined; readonly dibjs?: string | undefined } | undefined;
  readonly unexplained: readonly string[];
}

export declare function readRequests(): Readonly<Record<string, ElementRequest>>;
export declare function readResults(): Readonly<Record<string, ElementResult>>;
export declare function reasonsOf(requests: Readonly<Record<string, ElementRequest>>): readonly string[];
export declare function renderReleasedElements(
  requests: Readonly<Record<string, ElementRequest>>,
  results: Readonly<Record<string, ElementResult>>,
): string;
