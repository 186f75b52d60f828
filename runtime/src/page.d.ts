/** What the loader (loader.js) knows of a page, and hands to the net (net.js) when that comes. */
interface Page {
  /** The element that holds the loader. */
  me: Me;
  /** The CDN's base URL, ending in a slash. */
  cdn: string;
  /** The base URL of the same tree on this site. */
  local: string;
  /** Scripts that have run, or that were handed to the net: nothing happens to them twice. */
  settled: WeakSet<Element>;
  /** What has failed before the net was there, in the order of the events. */
  missed: Missed[];
  /** Something of the CDN has loaded, so it is not down as a whole. */
  alive?: boolean;
  /** The browser has worked off the deferred list. */
  parsed?: boolean;
  /** DOMContentLoaded is kept from the page until what has failed has run. */
  held?: boolean;
  /** Sends it. */
  release: () => void;
  /** What was noted for the rescue (hang.js). */
  hang?: Hang;
  /** Fallbacks are being counted (beacon.js). */
  counted?: boolean;
  /** Why what the net is told of has failed, where it is not an error. */
  reason?: string;
  /** What is done with each event, when the net is there. */
  handle?: (event: Event) => void;
  /** What a sink of Trusted Types takes. */
  trust: (how: 'createHTML' | 'createScript' | 'createScriptURL', text: string) => any;
}

/** An element whose request has failed. */
interface Missed {
  target: Element;
  /** The parser stands still at it: what is written as this is handled comes right behind it. */
  parserWaits: boolean;
}

/** What the rescue (rescue.js) has to know of the time before it came. */
interface Hang {
  /** What the session knows. */
  session: Record<string, any>;
  /** The page can neither be loaded anew nor written again. */
  stays: boolean;
  /** Somebody uses the page, or it may be the answer to a POST: it is not taken away. */
  inUse: boolean;
  /** It waits for nothing any more. */
  hasLoaded?: boolean;
  /** What has loaded or failed. */
  settled: WeakSet<EventTarget>;
  /** The rescue is there. */
  isSeenTo?: boolean;
}

/** The element that holds the loader; it has the page unless the net is switched off. */
type Me = HTMLElement & { tightrope?: Page };

/** Trusted Types, which TypeScript's own library does not have. */
declare const trustedTypes: { createPolicy: (name: string, rules: Record<string, (text: string) => string>) => any };

/** What a twin in the deferred list runs: a file by its URL, or a text. */
interface Twin {
  src: string;
  text: string;
}
