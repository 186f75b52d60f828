/**
 * What is published in the place of the service worker when the site does without: it goes, and the pages that it has
 * served ask the CDN themselves from then on. It must stay for as long as a browser may come back that has the old one.
 *
 * A worker of the site's own that still imports it is not touched.
 */
(() => {
  const worker = /** @type {any} */ (self);
  if (!/\/tightrope-service-worker\.js$/.test(worker.location.pathname)) return;
  worker.addEventListener('install', () => worker.skipWaiting());
  worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.registration.unregister()));
})();
