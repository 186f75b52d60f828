/** tightrope's version; build.mjs puts it in. */
declare const VERSION: string;

/** What a build puts into the service worker; the text ends with it. */
declare const DATA: { cdns: string[], alone: boolean, integrity: Record<string, string> };
