import type { ImportedElement, ImportRequest } from "./import-elements.js";

/** As `importElements`; its code is loaded by those alone who import. */
export const importElements = async (request: ImportRequest): Promise<readonly ImportedElement[]> =>
  (await import("./import-elements.js")).importElements(request);
