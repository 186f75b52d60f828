/**
 * The service worker: it answers what a page asks of the CDN, from the CDN where that delivers, else from the site.
 *
 * The net in a page hears of failures; this hears of requests. So it also answers for what fails without an error event
 * (fonts, url() in sheets, import(), a CDN that hangs), from the second page of a visit on. It is published as
 * tightrope-service-worker.js at the root of the site's output, beside which every file of the CDN lies too. This text is
 * the same in every build of a release; what the build knows is the argument of its only call:
 *
 *   cdns       the CDN's base URLs, each ending in a slash
 *   alone      whether this is the whole worker. If not, a worker of the site's own has imported it, as its first
 *              statement, so that this listener stands before that worker's own
 *   integrity  by path below the CDN, percent-encoded: of scripts, sheets, fonts and data whose names carry a
 *              fingerprint. It is needed because a request's own is hidden from workers (Chromium: all; WebKit: all but scripts')
 *
 * When in doubt, the local copy: it is the same file. So a wrong table, as an old worker may have for a new page, and a
 * limit that is too short cost a request to the site and never the page; the local copy is not held against the
 * table either. What an element's own `integrity` demands is checked by the browser, whoever answers.
 *
 * One module, one URL. Every answer is made anew (`new Response`), so that it has the URL that was asked for. What `fetch`
 * returned would have the URL it came from: with the local copy of a module passed on as it is, `import.meta.url` is that
 * of the site, its relative imports are asked of the site, and a module that another graph has from the CDN runs twice
 * (measured in Chromium, Firefox and WebKit, where it runs once as it is: tests/browser/service_worker/faults.rs).
 *
 * A page's policy must admit the site's own origin all the same: Firefox takes such an answer for a file at the URL of
 * this worker (measured: ESR 153; Chromium and WebKit ask nothing).
 *
 * What is answered:
 * - GET requests in the modes "cors" and "no-cors". Navigations, media, ranges, and "cors" requests with cookies
 *   (crossorigin="use-credentials") are the browser's own business.
 * - What has an entry in the table, and scripts, sheets, fonts and JSON modules without one, is read to its end before the page gets any
 *   of it, for it must be whole and, by the table, right.
 * - All else streams. Where the CDN falls silent or breaks off, the local copy goes on from that very byte.
 * - The answer to a "no-cors" request (an image, a sheet without `crossorigin`) cannot be looked into: a 404 is like a
 *   picture. So the file is asked for in mode "cors", without cookies, which a CDN must allow anyway for what is pinned. One
 *   that does not gets the request as it was, and from then on every such request: that streams, and is not checked.
 */
(data => {
  /** How long the CDN may be silent, in milliseconds: before an answer begins, and between two pieces of one. */
  const SILENCE = 3e3;
  /** How long it may take for an answer to begin while others come, and for a file to be whole that must be. */
  const WHOLE = 1e4;
  /** How long it is then left alone. */
  const DOWN = 6e4;

  const worker = /** @type {any} */ (self);
  /** Where the same tree lies on the site. */
  const home = new URL('./', worker.location.href).href;
  const now = () => Date.now();

  /**
   * What is known of each CDN: `down` until when it is left alone, `heard` when something last came from it, and
   * whether it is `closed` to other sites' readers, as it sends no Access-Control-Allow-Origin.
   * A worker is ended when nothing happens for a while (30 s in Chromium), and then forgets: that costs the limit again.
   * @typedef {{ url: string, down: number, heard: number, closed: boolean }} Cdn
   */
  /** @type {Cdn[]} */
  const cdns = data.cdns
    .filter(url => !home.startsWith(url)) // a site that is itself read from the CDN has no other home
    .map(url => ({ url, down: 0, heard: 0, closed: false }));

  /**
   * What a browser takes for a kind of file. A page that speaks of an error, or asks for a password, is none.
   * @type {Record<string, RegExp>}
   */
  const TYPES = { script: /(java|ecma)script/, style: /^text\/css/, json: /json/ };

  /** The CDN has delivered something else than the file: that file is at fault, and not the CDN as a whole. */
  class Wrong extends Error {}

  /**
   * Watches over one request to the CDN.
   * @param {Cdn} cdn
   * @param {Request} request
   * @param {boolean} mustBeWhole
   */
  const watch = (cdn, request, mustBeWhole) => {
    const stop = new AbortController();
    const begin = now();
    let hasBegun = false;
    // Then nobody wants the file any more.
    if (request.signal) request.signal.addEventListener('abort', () => stop.abort());
    return {
      signal: stop.signal,
      /**
       * What the promise gives, if that comes in time. To abort is not enough: a body may stay silent all the same.
       * @type {<T>(promise: Promise<T>) => Promise<T>}
       */
      race: async promise => {
        const from = now();
        /** @type {ReturnType<typeof setTimeout> | undefined} */
        let timer;
        const over = new Promise((_, reject) => {
          const look = () => {
            // Where others come, this one may stand in a queue: a slow line is no dead CDN.
            const silent = (hasBegun ? from : Math.max(from, cdn.heard)) + SILENCE;
            const due = Math.min(silent, (hasBegun ? mustBeWhole : true) ? begin + WHOLE : Infinity);
            if (due > now()) timer = setTimeout(look, due - now());
            else {
              reject(new Error('silent'));
              stop.abort();
            }
          };
          look();
        });
        try {
          const result = await Promise.race([promise, over]);
          hasBegun = true;
          cdn.heard = now();
          return /** @type {any} */ (result);
        } finally {
          clearTimeout(timer);
        }
      },
    };
  };

  /** @typedef {ReturnType<typeof watch>} Watch */

  /**
   * The CDN is left alone for a while. But when the page has given the request up, the CDN is not to blame.
   * @param {Cdn} cdn
   * @param {Request} request
   * @param {unknown} error
   */
  const blame = (cdn, request, error) => {
    if (!(error instanceof Wrong || (request.signal ? request.signal.aborted : false))) cdn.down = now() + DOWN;
  };

  /**
   * The file under its own name on the site. The browser's own limits apply, and its own errors.
   * @param {string} path
   * @param {Request} request
   */
  const fetchLocal = (path, request) =>
    fetch(home + path, { credentials: 'same-origin', cache: request.cache, signal: request.signal });

  /** As it was asked for: under its URL. @param {Response} response @param {BodyInit | null} body */
  const answerWith = (response, body) =>
    new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });

  /** Whether the answer can be the file, by its head. @param {Response} response @param {Request} request */
  const fits = (response, request) => {
    const type = response.headers.get('content-type') || '';
    const wanted = TYPES[request.destination];
    return response.ok ? (wanted ? wanted.test(type) : !/html/.test(type)) : false;
  };

  /**
   * The whole body, if it is the right one.
   * @param {Response} response
   * @param {string | undefined} integrity
   * @param {Watch} watched
   */
  const readWhole = async (response, integrity, watched) => {
    const reader = /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} */ (response.body).getReader();
    const pieces = [];
    for (let piece; !(piece = await watched.race(reader.read())).done;) pieces.push(piece.value);
    const bytes = await new Blob(pieces).arrayBuffer();
    if (integrity) {
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-384', bytes));
      if ('sha384-' + btoa(String.fromCharCode(...digest)) != integrity) throw new Wrong();
    } else if (!bytes.byteLength) throw new Wrong(); // or it is right, and the local copy is as empty
    return bytes;
  };

  /**
   * The body as it comes. Where it breaks off, the local copy goes on: it has the same bytes.
   * @param {Response} response
   * @param {Cdn} cdn
   * @param {Request} request
   * @param {Watch} watched
   * @param {() => Promise<Response>} local
   * @param {() => void} done
   */
  const streamed = (response, cdn, request, watched, local, done) => {
    let reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    // A body may be longer, where it was compressed. Firefox takes one that is too short for whole.
    const promised = Number(response.headers.get('content-length'));
    let isLocal = false;
    let passed = 0;
    /** What the local copy must leave out. */
    let skip = 0;

    /** @returns {Promise<{ done: boolean, value?: Uint8Array }>} */
    const next = async () => {
      if (isLocal) return reader.read();
      try {
        const piece = await watched.race(reader.read());
        if (!piece.done) return piece;
        if (!passed) throw new Wrong();
        if (!(promised > passed)) return piece;
        throw new Error('short');
      } catch (error) {
        blame(cdn, request, error);
        const copy = await local();
        if (!copy.ok) throw error;
        reader = /** @type {ReadableStream<Uint8Array>} */ (copy.body).getReader();
        isLocal = true;
        skip = passed;
        return reader.read();
      }
    };

    /** @type {UnderlyingDefaultSource<Uint8Array>} */
    const source = {
      pull: async controller => {
        try {
          for (;;) {
            const { done: isEnd, value } = await next();
            if (isEnd || !value) {
              controller.close();
              break;
            }
            const rest = value.subarray(Math.min(skip, value.length));
            skip -= value.length - rest.length;
            passed += rest.length;
            if (rest.length) return controller.enqueue(rest);
          }
        } catch (error) {
          controller.error(error);
        }
        done();
      },
      cancel: reason => {
        done();
        return reader.cancel(reason);
      },
    };
    return new ReadableStream(source);
  };

  /**
   * @param {Cdn} cdn
   * @param {Request} request
   * @param {string | undefined} integrity
   * @param {() => Promise<Response>} local
   * @param {() => void} done
   */
  const fromCdn = async (cdn, request, integrity, local, done) => {
    const mustBeWhole = integrity ? true : /^(script|style|font|json)$/.test(request.destination);
    const { referrer, referrerPolicy } = request;
    const watched = watch(cdn, request, mustBeWhole);
    /**
     * The request as it is, but for this. An integrity of its own would keep the answer back until it is whole.
     * @param {RequestInit} how
     */
    const ask = how => {
      const { signal } = watched;
      return watched.race(fetch(new Request(request, { ...how, integrity: '', referrer, referrerPolicy, signal })));
    };
    try {
      let response;
      if (request.mode == 'cors') response = await ask({});
      else {
        try {
          if (!cdn.closed) response = await ask({ mode: 'cors', credentials: 'same-origin' });
        } catch (error) {
          // It hangs, or the page has gone: the same question would get the same answer.
          if (watched.signal.aborted) throw error;
        }
        if (!response) {
          response = await ask({});
          cdn.closed = true;
        }
      }
      // Nothing of it can be seen.
      if (!/basic|cors|default/.test(response.type)) {
        done();
        return response;
      }
      if (!fits(response, request) || !response.body) throw new Wrong();
      if (!mustBeWhole) return answerWith(response, streamed(response, cdn, request, watched, local, done));
      const whole = await readWhole(response, integrity, watched);
      done();
      return answerWith(response, whole);
    } catch (error) {
      blame(cdn, request, error);
      throw error;
    }
  };

  /**
   * @param {Cdn} cdn
   * @param {Request} request
   * @param {() => void} done
   */
  const answer = async (cdn, request, done) => {
    const path = request.url.slice(cdn.url.length).replace(/#.*/, '');
    const local = () => fetchLocal(path, request);
    /** @type {Response | null} */
    let copy = null;
    if (now() < cdn.down) {
      copy = await local().catch(() => null);
      if (copy) if (copy.ok) {
        done();
        return answerWith(copy, copy.body);
      }
      // The site has it not, or is out of reach as well: then the CDN is asked all the same.
    }
    try {
      return await fromCdn(cdn, request, data.integrity[path.replace(/\?.*/, '')], local, done);
    } catch (_) {
      copy = copy || await local(); // it may fail, as it would without the CDN
      done();
      return answerWith(copy, copy.body);
    }
  };

  worker.addEventListener('fetch', (/** @type {any} */ event) => {
    /** @type {Request} */
    const request = event.request;
    const { method, mode, destination, credentials, headers, url } = request;
    if (method != 'GET' || !/^(no-)?cors$/.test(mode) || /^(audio|video|track)$/.test(destination)) return;
    if (headers.has('range') || (mode == 'cors' ? credentials == 'include' : false)) return;
    const cdn = cdns.find(one => url.startsWith(one.url));
    if (!cdn) return;
    // What is answered here is not the business of the worker that has imported this.
    event.stopImmediatePropagation();
    /** @type {() => void} */
    let done = () => {};
    // The worker must live for as long as it passes a body on.
    event.waitUntil(new Promise(resolve => { done = () => resolve(0); }));
    event.respondWith(answer(cdn, request, done).catch(error => {
      done();
      throw error;
    }));
  });

  // A worker of the site's own decides by itself when it takes over.
  if (data.alone) {
    worker.addEventListener('install', () => worker.skipWaiting());
    worker.addEventListener('activate', (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));
  }
})(DATA);
