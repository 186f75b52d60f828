/**
 * The registration of the service worker. It stands behind the loader, in the same script, on sites that were built with
 * --service-worker and have no worker of their own.
 *
 * The worker is the file of this name in the local home, and that is its scope. It is registered when the page has loaded,
 * so that it takes nothing from the first page.
 */
(() => {
  const doc = document;
  const me = /** @type {HTMLElement} */ (doc.querySelector('[data-tightrope=net]'));
  // As in the net: of several in a page, the first one works, and <html data-tightrope="off"> switches it off.
  if (me != doc.currentScript || doc.querySelector('html[data-tightrope=off]')) return;
  const { cdn, local } = /** @type {{ cdn: string, local: string }} */ (/** @type {unknown} */ (me.dataset));
  const home = new URL(local, doc.baseURI);
  const url = new URL('tightrope-service-worker.js', home).href;
  // Not in a file: page or a sandboxed frame, where the origin is "null" and asking for workers throws; not in a page that
  // is itself read from the CDN; and insecure pages have no workers.
  if (origin == 'null' || home.origin != origin || home.href.startsWith(cdn) || !isSecureContext) return;
  const workers = navigator.serviceWorker;
  if (workers) addEventListener('load', async () => {
    try {
      // One that somebody else has put there is not replaced, whatever it does. One that was put in the place of this is to
      // stay there: else the two would replace each other on every page.
      const there = await workers.getRegistration();
      const all = there ? [there.active, there.waiting, there.installing] : [];
      if (all.every(worker => worker ? worker.scriptURL == url : true)) await workers.register(url);
    } catch (_) {
      // A policy forbids it, or this page is older than what the site holds now: the net is there.
    }
  });
})();
