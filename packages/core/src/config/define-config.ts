import type { WrittenConfig } from "./written.js";

/** Types a dib.config.ts. Does nothing at run time, and brings no schema library. */
export const defineConfig = (config: WrittenConfig): WrittenConfig => config;
