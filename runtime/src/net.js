/**
 * The net: it answers CDN requests that have failed with the local copy.
 *
 * The loader (loader.js) fetches it from the site when the first one fails, and hands it the page with all that has
 * happened so far. With --fallback external it stands behind the loader in one file, and is there from the start.
 *
 * Every file is found under both addresses with the same bytes, so healing is swapping a prefix.
 *
 * How it is written: as the loader.
 */
(() => {
  const doc = document;
  const page = /** @type {Me} */ (doc.querySelector('[data-tightrope=net]')).tightrope;
  // Switched off, or this text is in the page for the second time.
  if (!page) return;

  /** @type {(target: Node, type: string, how?: EventInit) => boolean} */
  const fire = (target, type, how) => target.dispatchEvent(new Event(type, how));

  /** All there is to it, once a page. */
  const begin = () => {
    const { me, cdn, local, settled, trust } = page;
    /** Where the session keeps until when the CDN is taken for down. */
    const memory = 'tightrope:' + cdn;
    /** @type {Record<string, any>} */
    let session = {};
    try {
      session = sessionStorage;
    } catch (_) {
      // A sandboxed frame has none, and cookies may be switched off.
    }

    // In a file: page or a sandboxed frame the origin is "null": CORS cannot succeed, and with it integrity.
    const opaque = origin == 'null' || local.startsWith('file:');

    /** Failed scripts of the deferred list whose turn has not come. @type {Set<Element>} */
    const waiting = new Set();
    /** Twins in the deferred list that have not run, in its order, with what they will run. @type {Map<HTMLScriptElement, Twin>} */
    const twins = new Map();
    /** Those of them that have been started. @type {Set<HTMLScriptElement>} */
    const running = new Set();
    /** Nothing in it is ever loaded or run. */
    const limbo = doc.implementation.createHTMLDocument('');
    /** What the CDN has failed to give to this page, by URL. @type {Set<string>} */
    const lost = new Set();
    /** Scripts that were made local as they were parsed. @type {WeakSet<Element>} */
    const swapped = new WeakSet();
    /** @type {boolean | undefined} */
    let inlineAllowed;

    /**
     * An attribute's value, or the text of an inline module or style, with its CDN URLs made local.
     * A URL begins at the start, after white space, comma (srcset), quote or parenthesis; a CDN URL
     * inside another URL (?u=https://...) is left alone.
     * @param {string} text
     */
    const toLocal = text =>
      text.split(cdn).reduce((done, rest) => done + (/(^|[\s,'"`(])$/.test(done) ? local : cdn) + rest);

    /**
     * The attributes through which an element uses the CDN.
     * @param {Element} element
     */
    const cdnAttributes = element => [...element.attributes].filter(attribute =>
      /^((xlink:)?href|src(set)?|poster|data)$/.test(attribute.name) ? toLocal(attribute.value) != attribute.value : false);

    /**
     * Set an attribute like the given one. Names that the parser accepts and setAttribute refuses need its node.
     * @param {Element} element
     * @param {Attr} attribute
     * @param {string} value
     */
    const setAttribute = (element, attribute, value) => {
      const { name, namespaceURI } = attribute;
      try {
        const how = /^on/.test(name) ? 'createScript' : 'createScriptURL';
        element.setAttributeNS(namespaceURI, name, trust(how, value));
      } catch (_) {
        element.setAttributeNode(/** @type {Attr} */ (attribute.cloneNode()));
      }
    };

    /** @param {Element} element */
    const useLocal = element => {
      const attributes = cdnAttributes(element);
      if (attributes[0]) if (opaque) {
        element.removeAttribute('crossorigin');
        element.removeAttribute('integrity');
      }
      for (const attribute of attributes) setAttribute(element, attribute, toLocal(attribute.value));
    };

    /**
     * A script never runs again, whatever happens to its attributes: make another one like it.
     * @param {HTMLScriptElement} script
     */
    const copyOf = script => {
      const copy = /** @type {HTMLScriptElement} */ (doc.createElementNS(script.namespaceURI, script.localName));
      for (const attribute of script.attributes) setAttribute(copy, attribute, attribute.value);
      copy.nonce = script.nonce; // getAttribute('nonce') is empty under a CSP header
      copy.async = script.async; // a script made by code is async unless told otherwise
      return copy;
    };

    /** The same with local URLs. @param {HTMLScriptElement} script */
    const twinOf = script => {
      const twin = copyOf(script);
      twin.dataset.tightrope = 'twin';
      useLocal(twin);
      return twin;
    };

    /**
     * What happens to a twin is told to the original: that is where the page's handlers are (onload=, webpack, Vite).
     * @param {HTMLScriptElement} script
     * @param {HTMLScriptElement} twin
     * @param {() => void} [then]
     */
    const passOn = (script, twin, then) => {
      // Assigning replaces the handlers that the attributes made.
      twin.onload = twin.onerror = event => {
        fire(script, /** @type {Event} */ (event).type);
        if (then) then();
      };
    };

    /**
     * Run a text in an inline script like the given one: a classic one at this very moment.
     * @param {HTMLScriptElement} script
     * @param {string} text
     */
    const runText = (script, text) => {
      const twin = twinOf(script);
      // The src attribute would make it external, but code reads document.currentScript.src (webpack's
      // public path): give that an answer. currentScript.getAttribute('src') is null.
      Object.defineProperty(twin, 'src', { value: twin.src });
      twin.removeAttribute('src');
      twin.text = trust('createScript', text);
      script.after(twin);
      return twin;
    };

    /** Whether inline scripts may run. A CSP that forbids them says so by silence: try one. */
    const mayRunText = () => {
      if (inlineAllowed == null) {
        const probe = doc.createElement('script');
        probe.nonce = me.nonce;
        probe.text = trust('createScript', 'document.currentScript.ran=1');
        me.after(probe);
        inlineAllowed = 'ran' in probe;
        probe.remove();
      }
      return inlineAllowed;
    };

    /** Insert a twin that the browser fetches in its own time. @param {HTMLScriptElement} script */
    const insertTwin = script => {
      const twin = twinOf(script);
      twin.text = trust('createScript', toLocal(script.text));
      settled.add(twin);
      passOn(script, twin);
      script.after(twin);
    };

    /**
     * Run the local copy of a blocking script before the parser goes on, in XHTML, where nothing can be written.
     *
     * The browser checks no integrity of an inline script, and no hash can be computed synchronously
     * here. Accepted: the copy comes from where this page and this very code came from, which nothing
     * vouches for either. To stay near what a browser would run, only a 200 that is declared as a
     * script is taken.
     * @param {HTMLScriptElement} script
     */
    const runNow = script => {
      try {
        if (mayRunText()) {
          const url = toLocal(/** @type {string} */ (script.getAttribute('src')));
          const request = new XMLHttpRequest();
          request.open('GET', url, false);
          // An old page's scripts are in its own encoding, unless they say otherwise.
          const charset = script.charset || doc.characterSet;
          if (!/^utf-?8$/i.test(charset)) request.overrideMimeType('text/javascript;charset=' + charset);
          request.send();
          if (request.status == 200) if (/script/i.test(/** @type {string} */ (request.getResponseHeader('content-type')))) {
            runText(script, request.responseText + '\n//# sourceURL=' + url);
            fire(script, 'load');
            return;
          }
        }
      } catch (_) {
        // The network, a Permissions-Policy without sync-xhr, Trusted Types: the browser's own way is left.
      }
      insertTwin(script); // late
    };

    /**
     * Whether a script is in the list that runs when the page is parsed: deferred scripts and modules.
     * What never runs (nomodule, templates) is not.
     * @param {HTMLScriptElement} script
     */
    const isDeferred = script =>
      !script.async ? script.type == 'module' || !(script.noModule || !script.defer || !/^$|script/i.test(script.type)) : false;

    /**
     * Where scripts need a nonce, one without it may have been blocked, not lost. The page's CSP may trust what this code
     * inserts ('strict-dynamic'), so it must not insert what the CSP has turned away.
     * @param {HTMLScriptElement} script
     */
    const isAdmitted = script => !me.nonce || script.nonce == me.nonce;

    /**
     * The deferred list from its first failed script on, if the turn of that one has come.
     *
     * Firefox reports a failed deferred script as soon as the fetch has failed, the others in its turn: so it waits until
     * everything before it has run or failed. An inline module tells nobody that it has run: for it one cannot wait.
     */
    const restOfList = () => {
      const scripts = /** @type {HTMLScriptElement[]} */ ([...doc.querySelectorAll('script')]);
      // When the browser has worked off its list, only twins are left. Scripts that code has inserted are in no list.
      const list = scripts.filter(script => waiting.has(script) || twins.has(script) || !page.parsed && isDeferred(script) && isAdmitted(script) && !settled.has(script));
      const first = list.findIndex(script => waiting.has(script));
      if (list.slice(0, first).some(script => script.src || twins.has(script))) return [];
      return list.slice(Math.max(first, 0), first < 0 ? 0 : list.length);
    };

    /**
     * Run a script of the deferred list anew, with all that come behind it: no script can be put into that list, so the
     * rest of it becomes a list of twins. The originals leave the document before their turn; browsers do not run a
     * script that is in another document than it was prepared in (HTML, "execute the script element", step 2).
     * @param {HTMLScriptElement} script
     */
    const renew = script => {
      // What has not failed stays with the CDN if that is alive: a module may share what it imports with one that has run.
      const isLocal = waiting.delete(script) || !page.alive;
      const { src, text } = twins.get(script) || script; // one that has not been started has neither
      const twin = copyOf(script);
      if (isLocal) useLocal(twin);
      // Without a source it is not prepared yet.
      twin.removeAttribute('src');
      twins.set(twin, isLocal ? { src: toLocal(src), text: toLocal(text) } : { src, text });
      passOn(script, twin, () => finish(twin));
      twins.delete(script);
      running.delete(script);
      settled.add(script);
      script.replaceWith(twin);
      limbo.adoptNode(script);
    };

    /** @param {HTMLScriptElement} twin */
    const finish = twin => {
      twins.delete(twin);
      running.delete(twin);
      settled.add(twin);
      runQueue();
    };

    /** @param {HTMLScriptElement} twin @param {Twin} what */
    const start = (twin, { src, text }) => {
      running.add(twin);
      if (src) {
        twin.src = trust('createScriptURL', src);
        return;
      }
      // An inline module fires no load event: it says itself that it has run, or throws. Where no other text than its own
      // may run, perhaps by its hash, nothing is waited for.
      const ran = '' + Math.random();
      const done = () => finish(twin);
      doc.addEventListener(ran, done);
      addEventListener('error', event => {
        if (event.target == self) if (running.has(twin)) done();
      });
      setTimeout(done, mayRunText() ? 2000 : 0); // whatever else may keep it from its end
      twin.text = trust('createScript', inlineAllowed ? text + `\n;document.dispatchEvent(new Event('${ran}'))` : text);
    };

    /**
     * Start the twins whose turn has come. The browser runs files in the order in which they were started; inline modules
     * run alone, because Firefox runs them whenever they are ready.
     */
    const startTwins = () => {
      for (const [twin, what] of twins) if (!running.has(twin)) {
        if ([...running].some(other => !other.src || !what.src)) break;
        start(twin, what);
      }
      if (!(twins.size + waiting.size)) page.release();
    };

    const runQueue = () => {
      if (doc.readyState == 'loading') return;
      restOfList().forEach(renew);
      startTwins();
    };

    /** @param {HTMLScriptElement} script */
    const healScript = script => {
      if (isDeferred(script)) {
        waiting.add(script);
        return runQueue();
      }
      settled.add(script);
      if (script.dataset.tightrope == 'parser') if (!script.async) if (doc.readyState == 'loading') {
        // The parser stands still at this script: what is written now comes right behind it.
        const twin = twinOf(script);
        if (script.nonce) twin.setAttribute('nonce', script.nonce);
        try {
          doc.write(trust('createHTML', twin.outerHTML));
        } catch (_) {
          runNow(script); // XHTML has no write
        }
        return;
      }
      insertTwin(script);
    };

    /**
     * While the CDN is taken for down, elements get their local URLs as they are parsed. Chromium and WebKit do this
     * before a script is fetched, Firefox after: there the script may fail all the same. Modules stay, because the text of
     * inline ones cannot be changed while the parser writes it, and a graph must come from one home.
     * The parser tells of every element by itself.
     * @param {any} node
     */
    const swap = node => {
      if (node.attributes) if (!/^module/.test(node.type || node.rel)) if (cdnAttributes(node)[0]) {
        useLocal(node);
        if (node.localName == 'script') swapped.add(node);
      }
    };
    if (session[memory] > Date.now()) new MutationObserver(records => {
      for (const record of records) record.addedNodes.forEach(swap);
    }).observe(doc, { childList: true, subtree: true });

    /** A request has failed. @param {Event} event */
    const heal = event => {
      const target = /** @type {any} */ (event.target);
      const name = target.localName;
      const isScript = name == 'script';
      // Errors of running scripts have the window for a target. A script's twin has told its own error.
      if (target.nodeType != 1 || settled.has(target) || waiting.has(target)) return;

      // Preloads and icons are hints: nobody misses them. Except a preload that becomes a sheet when it has loaded.
      if (name == 'link') if (!/stylesheet/i.test(target.rel)) if (!target.onload) return;

      // A picture or a media element falls back whole: its sources, its poster.
      const group = name == 'track' ? null : target.closest(name == 'img' ? 'picture' : 'video,audio');
      const elements = group ? [target, group, ...group.querySelectorAll('source')] : [target];
      const player = name == 'source' ? group : null;
      if (player) {
        // A source that this browser passes over also gives an error, and was never asked for.
        if (target.type) if (!player.canPlayType(target.type)) return;
        if (!matchMedia(target.media).matches) return;
      }

      // A style whose @import failed, an inline module whose imports failed.
      const text = (isScript ? !target.src : name == 'style') ? target.textContent : '';
      const attribute = elements.map(cdnAttributes).find(found => found[0]);
      // After healing nothing names the CDN any more: a local copy that fails as well is not ours.
      const wasSwapped = swapped.delete(target);
      let ours = attribute || wasSwapped || toLocal(text) != text;
      if (isScript) if (!isAdmitted(target)) ours = false;
      if (!ours) {
        if (isScript) settled.add(target); // the queue need not wait for it
        return runQueue();
      }

      // The request is not lost yet: the page's own error handlers hear of the local copy's failure only,
      // or else their placeholder, or their own second copy, would come on top of ours.
      event.stopImmediatePropagation();
      if (wasSwapped) return healScript(target);
      const url = target.currentSrc || (attribute ? attribute[0].value : cdn);
      lost.add(url);
      doc.dispatchEvent(new CustomEvent('tightrope:fallback', {
        detail: { url, local: toLocal(url), element: target, reason: page.reason || 'error' }
      }));

      if (isScript) healScript(target);
      else if (text) target.textContent = toLocal(text);
      else {
        elements.forEach(useLocal);
        if (player) if (!player.readyState) player.load();
      }
    };

    page.handle = event => {
      if (event.type == 'error') return heal(event);
      runQueue();
      // A module cannot be run at once, and a healed one runs after this event, which most code waits for to begin.
      if (event.type == 'DOMContentLoaded') if (twins.size + waiting.size) {
        page.held = true;
        event.stopImmediatePropagation();
      }
    };
    for (const type of ['readystatechange', 'visibilitychange']) doc.addEventListener(type, () => {
      // The page is left, or may never be seen again. One file may be missing; where two are and nothing has come, the
      // CDN is taken for down.
      if (doc.hidden) if (!page.alive) if (lost.size > 1) session[memory] = Date.now() + 6e5;
      runQueue();
    }, true);
  };

  const script = /** @type {HTMLScriptElement} */ (doc.currentScript);
  // The page's own scripts find the document as it would be without this one.
  if (script != page.me) script.remove();
  if (!page.handle) begin();
  // Each again, to be healed, or to be told to the page if it was not the CDN's. Two copies of this text may be on their
  // way: what the parser waits for, only that which the parser waits for can heal.
  for (const missed of page.missed.splice(0)) {
    if (missed.parserWaits) if (script.async) {
      page.missed.push(missed);
      continue;
    }
    fire(missed.target, 'error');
  }
  // Nothing may be left to wait for.
  if (page.handle) page.handle(new Event('net'));
})();
