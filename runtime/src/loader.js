/**
 * The loader: what every page carries of the net. It listens, keeps the order, and fetches the net when something fails.
 *
 * It stands inline in the page, before the first element that uses the CDN:
 *
 *   [script data-tightrope="net" data-cdn="https://static.example.com/" data-local="../"
 *           data-net="tightrope-net.0123456789ab.js" data-integrity="sha384-..."] this text [/script]
 *
 * data-cdn        the CDN's base URL, ending in a slash
 * data-local      where the same tree lives on this site, relative to the page's base URL
 * data-net        the file that holds the net (net.js), below data-local
 * data-integrity  the integrity of that file
 *
 * This text is the same on every page of a release (one CSP hash); what varies is in the attributes.
 *
 * How it is written: ES2017, no globals, and neither ampersand nor less-than sign outside comments,
 * so that the minified text means the same in HTML and in XHTML. Hence "if (a) if (b)".
 */
(() => {
  const doc = document;
  const me = /** @type {Me} */ (doc.querySelector('[data-tightrope=net]'));
  // A page composed of partials may hold the loader several times: the first one in the document works.
  // The site's owner may switch it off: <html data-tightrope="off">, which an inline script before this may set.
  if (me != doc.currentScript || doc.querySelector('html[data-tightrope=off]')) return;

  const { cdn, local: home, net, integrity } = /** @type {Record<string, string>} */ (/** @type {unknown} */ (me.dataset));
  const local = new URL(home, doc.baseURI).href;
  // A page that is itself read from the CDN has no other home.
  if (!cdn || local.startsWith(cdn)) return;

  /** Send the page the DOMContentLoaded that was kept from it. */
  const release = () => {
    if (page.held) doc.dispatchEvent(new Event('DOMContentLoaded', { bubbles: true }));
    page.held = false;
  };

  /** @type {Record<string, (text: string) => any> | undefined} */
  let policy;
  /** @type {Page} */
  const page = {
    me, cdn, local, settled: new WeakSet(), missed: [], release,
    trust: (how, text) => {
      const same = /** @param {string} text */ text => text;
      const rules = { createHTML: same, createScript: same, createScriptURL: same };
      try {
        // On a page whose CSP does not name this policy, making it is a violation: so not before something has failed.
        if (!policy) policy = trustedTypes.createPolicy('tightrope', rules);
      } catch (_) {
        // Unknown to this browser, or not allowed by the page.
        policy = rules;
      }
      return /** @type {any} */ (policy)[how](text);
    }
  };

  /** An element that brings the net. */
  const bringer = () => {
    const script = doc.createElement('script');
    script.setAttribute('nonce', me.nonce || '');
    return script;
  };

  let asked = false;
  /**
   * Fetch the net, at once: another moment, and the place of the failed script would be lost.
   * @param {Missed} [missed]
   */
  const fetchNet = missed => {
    const script = bringer();
    try {
      script.src = page.trust('createScriptURL', local + net);
      // Elsewhere nothing can be checked: CORS cannot succeed.
      if (/^http/.test(origin)) script.integrity = integrity;
      // The parser stands still: what is written now comes right behind the failed script.
      if (!missed || missed.parserWaits) return doc.write(page.trust('createHTML', script.outerHTML));
    } catch (_) {
      // XHTML has no write.
      if (missed) missed.parserWaits = false;
    }
    // A synchronous request lets events in (Firefox).
    if (asked) return;
    asked = true;
    try {
      const request = new XMLHttpRequest();
      request.open('GET', local + net, false);
      request.send();
      const inline = bringer();
      inline.text = page.trust('createScript', request.responseText);
      if (request.status == 200) me.after(inline);
    } catch (_) {
      // No network, or no permission: the browser's own way is left.
    }
    // If it does not come at all, the page goes on without.
    script.onerror = release;
    if (!page.handle) me.after(script);
  };

  /** @param {Event} event */
  const listen = event => {
    let type, target;
    try {
      ({ type, target } = /** @type {any} */ (event));
    } catch (_) {
      return; // an event of Firefox's own, of which a page may know nothing (seen once, when it was driven by a test)
    }
    const isScript = target.localName == 'script';
    if (type == 'DOMContentLoaded') {
      if (page.parsed) return; // sent anew
      page.parsed = true;
      // While Firefox waits for the net it lets events in.
      if (page.missed[0]) {
        page.held = true;
        event.stopImmediatePropagation();
      }
    }
    if (type == 'load') {
      // Scripts only: an image that has loaded may be given another URL, and that may fail.
      if (isScript) page.settled.add(target);
      // Except preloads, which have no sheet: Firefox says of failed ones that they have loaded.
      if (event.isTrusted) if (target.sheet !== null) if (String(target.src || target.href).startsWith(cdn)) page.alive = true;
    }
    if (page.handle) page.handle(event);
    // Errors of running scripts have the window for a target.
    else if (type == 'error') if (target.nodeType == 1)
      // The net looks closer, and tells the page of what is none of its business.
      if ((target.closest('picture,video,audio') || target).outerHTML.includes(cdn.split('/')[2])) {
        event.stopImmediatePropagation();
        const parserWaits = target.dataset.tightrope == 'parser' ? doc.readyState == 'loading' : false;
        page.missed.push({ target, parserWaits });
        fetchNet(page.missed[page.missed.length - 1]);
      } else if (isScript) page.settled.add(target);
  };
  // An element's load event never reaches the window.
  for (const type of ['error', 'DOMContentLoaded']) addEventListener(type, listen, true);
  doc.addEventListener('load', listen, true);

  me.tightrope = page; // there the net finds it
  try {
    // The session takes the CDN for down: nothing has to fail first. Without a name the net stands in the same file.
    if (net) if (sessionStorage['tightrope:' + cdn] > Date.now()) fetchNet();
  } catch (_) {
    // A sandboxed frame has no storage.
  }
})();
