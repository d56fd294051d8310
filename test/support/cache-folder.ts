/** Where tests keep what is costly to make and the same for every run. */
export const cacheFolder = process.env["DIB_TEST_CACHE"] ?? "/var/cache/dib-test";
