/** The public API of @dibjs/create-element: each name listed. */
export { askForRest } from "./ask.js";
export { createElementPackage, type CreatedPackage } from "./create.js";
export { formatCreated } from "./next-steps.js";
export type { NewOptions } from "./options.js";
