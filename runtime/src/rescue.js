/**
 * The rescue from a CDN that accepts a request and never answers: no browser gives up, and the page stands still.
 *
 * On sites that were built with --hang-limit it stands before the net, in the same file; hang.js, in the page, has it fetched.
 *
 * A script that the parser waits for can neither be taken back nor replaced. So the page is loaded anew, once a session,
 * and this time what follows is taken for mere text, of which nothing is fetched. When all of it is there, it is written
 * into the page again, with local URLs. What holds nothing up (async scripts, images, media) falls back in the page as it is.
 *
 * How it is written: as the loader.
 */
(() => {
  const doc = document;
  const root = doc.documentElement;
  const page = /** @type {Me} */ (doc.querySelector('[data-tightrope=net]')).tightrope;
  const hang = page ? page.hang : null;
  // Switched off, or this text is in it for the second time.
  if (!page || !hang || hang.isSeenTo) return;
  hang.isSeenTo = true;
  const { me, cdn, trust } = page;
  const hangLimit = +(me.dataset.hangLimit || 0);
  const local = page.local.replace(/'/g, '%27'); // it may come to stand between apostrophes

  /**
   * Where the session keeps what it knows of hangs: nothing, if there was none; until when the CDN is not tried again,
   * and the URL that hung; "0", if the CDN has recovered since. So a session is rescued once.
   */
  const memory = 'tightrope:hang:' + cdn;
  /** Where the net keeps until when the CDN is taken for down. */
  const netMemory = 'tightrope:' + cdn;
  /** Where the fragment waits while the page is loaded anew. */
  const fragment = 'tightrope:fragment';
  const { session } = hang;
  const [end, hung] = (session[memory] || '').split(' ');

  /** For ten minutes, as long as the net takes the CDN for down. @param {string} url */
  const remember = url => {
    session[netMemory] = Date.now() + 6e5;
    session[memory] = session[netMemory] + ' ' + url;
  };

  /**
   * The text of a page with its CDN URLs made local: where a URL begins, that is at the start, behind white space, a
   * comma, a quote, a parenthesis, an entity, or the name of an attribute. Keys of an import map stay: it has those of
   * both homes, and a policy may know it by its hash.
   * @param {string} text
   */
  const toLocal = text => text.replace(
    RegExp('(^|[\\s,\'"`(;]|\\s[\\w:-]+=)' + cdn.replace(/\W/g, char => '\\' + char) + '(?![^"\\s]*":)', 'g'),
    (_, before) => before + local);

  /**
   * Ask for something, to see what comes. Firefox keeps fetch() back while a page loads.
   * @param {string} method
   * @param {string} url
   * @param {(request: XMLHttpRequest) => void} then
   */
  const ask = (method, url, then) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.onload = () => then(request);
    request.send();
    return request;
  };

  /** The CDN is known to hang: take the page for text, and write it out again when all of it is there. */
  const capture = () => {
    if (session[fragment]) history.replaceState(history.state, '', location.href + session[fragment]);
    delete session[fragment];
    delete me.tightrope; // the net, which comes next, has no business in a text
    const script = /** @type {HTMLElement} */ (doc.currentScript);
    if (script != me) script.remove();
    // What was parsed so far, up to the script that brought this.
    const copy = /** @type {HTMLElement} */ (root.cloneNode(true));
    const copies = /** @type {NodeListOf<HTMLScriptElement>} */ (copy.querySelectorAll('*'));
    /** @type {NodeListOf<HTMLScriptElement>} */
    const originals = root.querySelectorAll('*');
    const nodes = [...doc.childNodes];

    const cover = doc.createElement('plaintext');
    cover.hidden = true;
    doc.write(trust('createHTML', cover.outerHTML));
    const writeAgain = () => {
      const text = /** @type {string} */ (/** @type {Element} */ ([...doc.querySelectorAll('plaintext')].pop()).textContent);
      originals.forEach((element, index) => {
        const twin = copies[index];
        if (element.nonce) twin.setAttribute('nonce', element.nonce); // a copy does without it under a CSP header
        if (element == me) delete twin.dataset.hangLimit;
        else if (element.localName == 'script') if (/^$|script|module/i.test(element.type)) {
          twin.async = element.async;
          // What has run does not run again: the global scope does not end with the document. An async one may not have.
          if (element.async ? performance.getEntriesByName(element.src)[0] : true) twin.type = 'ran';
        }
      });
      const before = nodes.map(node =>
        node == root ? copy.outerHTML : new XMLSerializer().serializeToString(node)).join('');
      doc.open();
      // Behind this script there are end tags in the one, and one in the other: a plaintext element has none.
      doc.write(trust('createHTML', before.slice(0, before.lastIndexOf('/script>') + 8) + toLocal(text.slice(12))));
      doc.close();
    };
    // Requests that the browser made ahead of the parser would keep the load event back: they are stopped, before
    // DOMContentLoaded. Firefox stops them by itself, would take this for the end of the page, and is ready only later.
    const isGecko = 'mozInnerScreenX' in self;
    addEventListener(isGecko ? 'DOMContentLoaded' : 'readystatechange', event => {
      event.stopImmediatePropagation();
      if (isGecko) setTimeout(writeAgain);
      else {
        self.stop();
        writeAgain();
      }
    }, { capture: true, once: true });
  };

  /** In the page that was written out again. */
  const finish = () => {
    // When the ten minutes are over, the CDN has to show that it has recovered before a page relies on it.
    if (Date.now() > end) {
      remember(hung);
      ask('GET', hung, () => {
        session[memory] = 0;
        delete session[netMemory];
      });
    }
    // The fragment was looked for in the text, in vain.
    addEventListener('DOMContentLoaded', () => {
      if (location.hash) location.replace(location.href);
    });
  };

  /** Nobody knows yet whether the CDN hangs: see whether the page comes to stand still. */
  const watch = () => {
    /** For how many eighths of the limit nothing has come while something was awaited. */
    let quiet = 0;
    /** What was asked for once more. @type {Set<string>} */
    const probed = new Set();

    const alive = () => {
      quiet = 0;
    };

    /**
     * The CDN's URL that an element waits for and lets the page wait for, if it does.
     * @param {any} element
     * @returns {string | null}
     */
    const awaited = element => {
      const isLoading = doc.readyState == 'loading';
      const isModule = element.type == 'module';
      const text = element.src || element.href || element.textContent;
      const url = toLocal(text) != text ? /[^\s'"`()]+/.exec(text.slice(text.indexOf(cdn))) : null;
      if (!url || hang.settled.has(element)) return null;
      let holds;
      if (element.localName == 'script') {
        // Those of the deferred list hold up DOMContentLoaded, once all is parsed; others the parser.
        holds = isModule || element.defer ? !isLoading : isLoading;
        if (page.parsed || element.async || element.noModule || (isModule ? false : !element.src)) holds = false;
        if (!/^$|script|module/i.test(element.type)) holds = false;
      } else {
        // A sheet holds up scripts and painting. One that comes when the page is painted was brought by a script.
        holds = isLoading || !performance.getEntriesByName('first-contentful-paint')[0];
        if (!(element.rel ? /^(?!.*alternate).*stylesheet/i.test(element.rel) : /@import/i.test(text))) holds = false;
        if (!matchMedia(element.media).matches) holds = false;
      }
      return holds ? url[0] : null;
    };

    /**
     * What holds nothing up, and has not come.
     * @returns {any[]}
     */
    const late = () => !page.parsed ? [] : [...doc.querySelectorAll('script,img,image,input,video,audio')].filter(
      /** @param {any} element */ element => {
        if (hang.settled.has(element) || element.readyState > 1) return false; // media have other events
        if (element.localName == 'script') if (!element.async || element.noModule || !/^$|script|module/i.test(element.type)) return false;
        const { outerHTML } = element.closest('picture') || element;
        return toLocal(outerHTML) != outerHTML;
      });

    /** Have the net answer for it: with that it is told to have failed. @param {any} element */
    const heal = element => {
      const target = element.querySelector('source') || element;
      target.dispatchEvent(new Event('error'));
      // Should it come after all, it must not run: no script does in another document than it was prepared in.
      if (element.localName == 'script') doc.implementation.createHTMLDocument('').adoptNode(element);
    };

    /**
     * Load the page anew. Not by reload(), which may repeat a POST, but with a GET for the same URL; without its
     * fragment, with which it would be a walk within the page.
     * @param {Element} element
     * @param {string} url
     */
    const rescue = (element, url) => {
      const [address] = location.href.split('#');
      // Where the site itself does not answer, or not as before, half a page is better than none.
      ask('HEAD', address, ({ status, responseURL }) => {
        if (status != 200 || responseURL != address || 8 > quiet || hang.inUse) return;
        remember(url);
        session[fragment] = location.hash;
        doc.dispatchEvent(new CustomEvent('tightrope:fallback', {
          detail: { url, local: toLocal(url), element, reason: 'hang' }
        }));
        page.handle = event => event.stopImmediatePropagation(); // what Firefox breaks off has not failed
        history.replaceState(history.state, '', address);
        location.replace(address);
      });
    };

    // Ticks are counted, not time: a script that runs for seconds and a computer that sleeps are not the CDN's silence.
    const timer = setInterval(() => {
      let url = null;
      if (hang.hasLoaded) return clearInterval(timer);
      const holder = hang.stays || hang.inUse || end ? null : [...doc.querySelectorAll('script,link,style')].find(one => (url = awaited(one)));
      const rest = holder ? [] : late();
      if (!url) url = rest[0] ? rest[0].currentSrc || rest[0].src || '' : null;
      if (url == null || doc.hidden) alive();
      else if (++quiet == 8) {
        if (holder) rescue(holder, url);
        page.reason = 'hang';
        rest.forEach(heal);
        delete page.reason;
      }
      // Nothing tells that a large file is coming on a slow line: ask for it once more, and see whether anything comes.
      else if (quiet == 4) if (url) if (!probed.has(url)) {
        probed.add(url);
        ask('GET', url, alive).onprogress = alive;
      }
    }, hangLimit / 8);

    new PerformanceObserver(list => {
      if (list.getEntries().some(entry => entry.name.startsWith(cdn))) alive();
    }).observe({ type: 'resource' });
  };

  if (!hangLimit) finish();
  else if (!(end > 0)) watch();
  else if (!hang.stays) capture();
})();
