/** tightrope's version; build.mjs puts it in. */
declare const VERSION: string;
