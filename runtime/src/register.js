/**
 * The registration of the service worker. It stands behind the loader, in the same script, on sites that were built with
 * --service-worker and have no worker of their own.
 *
 * The worker is the file of this name in the local home, and that is its scope. It is registered when the page has loaded,
 * so that it takes nothing from the first page.
 */
(() => {
  const doc = document;
  const page = /** @type {Me} */ (doc.querySelector('[data-tightrope=net]')).tightrope;
  // Switched off, or this text is in the page for the second time.
  if (page == null || page.me != doc.currentScript) return;
  const url = page.local + 'tightrope-service-worker.js';
  // Not in a file: page or a sandboxed frame, where the origin is "null" and asking for workers throws; not for a local
  // home on another origin; and insecure pages have no workers.
  if (origin == 'null' || new URL(url).origin != origin || !isSecureContext) return;
  const workers = navigator.serviceWorker;
  if (workers) addEventListener('load', async () => {
    try {
      // One that somebody else has put there is not replaced, whatever it does. One that was put in the place of this is to
      // stay there: else the two would replace each other on every page.
      const there = await workers.getRegistration();
      const all = there ? [there.active, there.waiting, there.installing] : [];
      if (all.every(worker => worker ? worker.scriptURL == url : true)) await workers.register(page.trust('createScriptURL', url));
    } catch (_) {
      // A policy forbids it, or this page is older than what the site holds now: the net is there.
    }
  });
})();
