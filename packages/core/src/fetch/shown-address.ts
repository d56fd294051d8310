/** An address for others to read, in messages, reports and on disk: without user and password. */
export const shownAddress = (url: string): string => url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, "$1");
