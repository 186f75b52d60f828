/**
 * The report: what the net had to catch on this page is told to one URL, at most once.
 *
 * On sites that were built with --beacon it stands before the net, in the same file, and the loader's element says
 * data-beacon="https://stats.example.com/net".
 *
 * The body is JSON, sent as text/plain so that no server has to answer a CORS preflight; README.md describes it.
 */
(() => {
  const doc = document;
  const page = /** @type {Me} */ (doc.querySelector('[data-tightrope=net]')).tightrope;
  // As in the net. And of several copies of this text in a page, the first one works.
  if (!page || page.counted) return;
  page.counted = true;

  /** @type {{ url: string, reason: string }[]} */
  const failed = [];
  let count = 0;
  let sent = false;

  doc.addEventListener('tightrope:fallback', event => {
    const { url, reason } = /** @type {CustomEvent} */ (event).detail;
    // A page with thousands of images must not send thousands of URLs.
    if (count++ > 19) return;
    failed.push({ url, reason });
  });

  // A page that is hidden may never be heard of again. Old browsers tell of "pagehide" only.
  for (const type of ['visibilitychange', 'pagehide']) addEventListener(type, () => {
    if (sent || !count || (type == 'visibilitychange' ? !doc.hidden : false)) return;
    sent = true;
    // Without the query: it may hold what is nobody's business.
    const url = location.origin + location.pathname;
    const { cdn, beacon } = page.me.dataset;
    navigator.sendBeacon(/** @type {string} */ (beacon), JSON.stringify({ version: VERSION, page: url, cdn, count, failed }));
  }, true);
})();
