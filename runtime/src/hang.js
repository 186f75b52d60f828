/**
 * The beginning of the rescue (rescue.js) from a CDN that accepts a request and never answers.
 *
 * It stands behind the loader, in the same script, on sites that were built with --hang-limit:
 *
 *   [script data-tightrope="net" ... data-hang-limit="3000"] the loader, this text [/script]
 *
 * data-hang-limit  for how many milliseconds the CDN may be silent
 *
 * The rescue is fetched with the net, by pages that are not done after a quarter of that. What it could not find out then is
 * noted here: whether somebody uses the page, whether it answers a POST, and what has loaded.
 *
 * How it is written: as the loader.
 */
(() => {
  const doc = document;
  const page = /** @type {Me} */ (doc.querySelector('[data-tightrope=net]')).tightrope;
  // Switched off, or this text is in the page for the second time.
  if (page == null || page.me != doc.currentScript) return;
  const { me, cdn, local, trust } = page;
  const { hangLimit, net, integrity } = /** @type {Record<string, string>} */ (/** @type {unknown} */ (me.dataset));
  /** Where the session keeps that the next page may be the answer to a POST. */
  const posted = 'tightrope:posted';
  /** Where the net keeps until when the CDN is taken for down. */
  const memory = 'tightrope:' + cdn;
  // Frames are not loaded anew, nor what has no address of its own; and XHTML cannot be written again.
  let stays = self != top || !location.protocol.startsWith('http') || doc.contentType != 'text/html';
  /** @type {Record<string, any>} */
  let session = {};
  try {
    session = sessionStorage;
  } catch (_) {
    stays = true; // a sandboxed frame, or cookies are switched off: it would be loaded anew over and over
  }
  const [end] = (session['tightrope:hang:' + cdn] || '').split(' ');
  /** @type {Hang} */
  const hang = page.hang = { session, stays, inUse: !!session[posted], settled: new WeakSet() };
  delete session[posted];

  /** An element that brings the rescue, by its URL or as it is. @param {string} [text] */
  const bringer = text => {
    const script = doc.createElement('script');
    script.setAttribute('nonce', me.nonce || '');
    if (text) script.text = trust('createScript', text);
    else {
      script.src = trust('createScriptURL', local + net);
      // Elsewhere nothing can be checked: CORS cannot succeed.
      if (/^http/.test(origin)) script.integrity = integrity;
    }
    return script;
  };

  if (end > 0) {
    // It is known to hang, and to be asked again before a page relies on it: not by this one. Where the net is sure that it
    // is down, the loader has fetched all.
    if (stays || session[memory] > Date.now()) return;
    session[memory] = Date.now() + 6e5;
    if (net) doc.write(trust('createHTML', bringer().outerHTML));
  } else if (hangLimit) {
    // A page that somebody uses is not taken away.
    for (const type of ['keydown', 'input', 'pointerdown', 'wheel', 'submit']) addEventListener(type, () => {
      hang.inUse = true;
    }, true);
    addEventListener('load', () => {
      hang.hasLoaded = true;
    });
    /** @param {Event} event */
    const settle = event => {
      hang.settled.add(/** @type {EventTarget} */ (event.target));
    };
    addEventListener('error', settle, true);
    doc.addEventListener('load', settle, true); // which does not reach the window
    // The answer to a POST cannot be had by a GET: the page behind such a form is left alone.
    addEventListener('formdata', event => {
      if (/method="post/i.test(/** @type {Element} */ (event.target).outerHTML)) session[posted] = 1;
    }, true);
    setTimeout(() => {
      if (hang.hasLoaded || page.handle) return;
      // As long as the page waits for what it begins with, that is for the CDN, Chromium keeps a script with a URL back, and
      // Firefox for five seconds. A text runs at once.
      const request = new XMLHttpRequest();
      request.open('GET', local + net);
      request.onloadend = () => {
        if (!page.handle) me.after(bringer(request.status == 200 ? request.responseText : ''));
      };
      request.send();
    }, +hangLimit / 4);
  }
})();
