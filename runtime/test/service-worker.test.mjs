// What the service worker makes of answers that node can give. What browsers make of the rest is the business of
// tests/browser/service_worker/.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import vm from 'node:vm';

const read = name => readFileSync(new URL(`../dist/${name}.min.js`, import.meta.url), 'utf8');
const CDN = 'https://static.example.com/site/';
const HOME = 'https://example.com/docs/';
const BODY = 'let right = "right";';
const PIN = 'sha384-' + createHash('sha384').update(BODY).digest('base64');

/** What a page asks for; node's own Request knows no destination. */
class AskedFor {
  constructor(request, how = {}) {
    const { url, method = 'GET', mode = 'cors', destination = '', credentials = 'same-origin', cache = 'default' } = request;
    Object.assign(this, { url, method, mode, destination, credentials, cache, headers: new Headers(request.headers) }, how);
  }
}

const script = (url, more) => new AskedFor({ url, destination: 'script', ...more });
const headers = type => ({ 'content-type': type });
const good = (body = BODY, type = 'text/javascript') => new Response(body, { headers: headers(type) });
/** node lets nobody make one. */
const opaque = () => Object.defineProperty(new Response('?'), 'type', { value: 'opaque' });

/**
 * A worker over two homes.
 * @param {(url: string, request: any) => any} cdn
 * @param {(url: string, how: any) => any} site
 */
function start(cdn, site = () => good(), data = {}) {
  const listeners = {};
  const asked = [];
  const self = {
    location: { href: `${HOME}tightrope-service-worker.js`, pathname: '/docs/tightrope-service-worker.js' },
    addEventListener: (type, listener) => { listeners[type] = listener; },
    skipWaiting: () => 'skipped', clients: { claim: () => 'claimed' }, registration: { unregister: () => 'unregistered' },
  };
  const fetch = async (what, how) => {
    const url = typeof what == 'string' ? what : what.url;
    asked.push(url.startsWith(CDN) ? `cdn ${what.mode} ${url.slice(CDN.length)}` : `site ${url.slice(HOME.length)}`);
    return url.startsWith(CDN) ? cdn(url, what) : site(url, how);
  };
  const { setTimeout, clearTimeout } = globalThis;
  const shared = { AbortController, Blob, Date, Error, Promise, ReadableStream, Response, URL, btoa, clearTimeout, crypto, fetch, self, setTimeout, Uint8Array };
  const told = JSON.stringify({ cdns: [CDN], alone: true, integrity: { 'app.0123.js': PIN }, ...data });
  const context = vm.createContext({ ...shared, Request: AskedFor });
  const run = name => vm.runInContext(read(name).replace('(DATA)', `(${told})`), context);
  return {
    self, asked, listeners, run,
    /** The answer; undefined when the worker does not answer. */
    ask(request) {
      let answer;
      let isStopped = false;
      const kept = [];
      listeners.fetch({
        request, stopImmediatePropagation: () => { isStopped = true; }, waitUntil: promise => kept.push(promise),
        respondWith: promise => { answer = promise; },
      });
      assert.equal(isStopped, Boolean(answer), 'theirs hears of what is not answered, and of nothing else');
      return answer && { text: () => answer.then(one => one.text()), answer, kept: Promise.all(kept) };
    },
  };
}

function running(...how) {
  const worker = start(...how);
  worker.run('service-worker');
  return worker;
}

test('the CDN answers where it delivers, and the answer is under the URL that was asked for', async () => {
  const { ask, asked } = running(() => good());
  const asking = ask(script(`${CDN}app.0123.js`));
  const answer = await asking.answer;
  assert.equal(await answer.text(), BODY);
  assert.equal(answer.url, '', 'made anew: a browser gives it the URL of the request');
  assert.equal(answer.headers.get('content-type'), 'text/javascript');
  assert.deepEqual(asked, ['cdn cors app.0123.js']);
  await asking.kept;
});

test('what is not the file is taken from the site, and the CDN is asked for the next file all the same', async () => {
  for (const [what, bad, request = script(`${CDN}app.0123.js`)] of [
    ['another byte', () => good(BODY.replace(' ', '\t'))],
    ['nothing', () => good('')],
    ['a 404', () => new Response(BODY, { status: 404, headers: headers('text/javascript') })],
    ['a 500', () => new Response('', { status: 500 })],
    ['a page', () => good('<h1>Log in', 'text/html')],
    ['another type', () => good(BODY, 'text/plain')],
    ['nothing, unpinned', () => good(''), script(`${CDN}other.js`)],
    ['no body', () => new Response(null, { headers: headers('text/javascript') }), script(`${CDN}other.js`)],
    ['a page for a picture', () => good('<h1>', 'text/html'), new AskedFor({ url: `${CDN}a.png`, mode: 'no-cors', destination: 'image' })],
    ['no picture', () => good('', 'image/png'), new AskedFor({ url: `${CDN}a.png`, mode: 'no-cors', destination: 'image' })],
    ['text for a sheet', () => good('a{}', 'text/plain'), new AskedFor({ url: `${CDN}a.css`, destination: 'style' })],
  ]) {
    const { ask, asked } = running(bad, () => good('local'));
    for (let again = 0; again < 2; again++) {
      const asking = ask(request);
      assert.equal(await asking.text(), 'local', what);
      await asking.kept;
    }
    assert.equal(asked.filter(one => one.startsWith('cdn')).length, 2, what);
    assert.equal(asked.filter(one => one.startsWith('site')).length, 2, what);
  }
});

test('a CDN out of reach is left alone for a minute', async () => {
  mock.timers.enable({ apis: ['Date'], now: 1e12 });
  let isUp = false;
  const { ask, asked } = running(() => { if (isUp) return good(); throw new TypeError('refused'); }, () => good('local'));
  for (const after of [0, 1, 59998]) {
    mock.timers.tick(after);
    assert.equal(await ask(script(`${CDN}app.0123.js`)).text(), 'local');
  }
  assert.deepEqual(asked, ['cdn cors app.0123.js', ...Array(3).fill('site app.0123.js')]);
  isUp = true;
  mock.timers.tick(2);
  assert.equal(await ask(script(`${CDN}app.0123.js`)).text(), BODY);
  mock.timers.reset();
});

test('while it is left alone, what the site has not is asked of it', async () => {
  let count = 0;
  const { ask } = running(() => { if (count++) return good(); throw new TypeError('refused'); }, () => new Response('', { status: 404 }));
  assert.equal((await ask(script(`${CDN}app.0123.js`)).answer).status, 404);
  assert.equal(await ask(script(`${CDN}app.0123.js`)).text(), BODY);
});

test('where both fail, it fails as the site fails, once asked', async () => {
  const refuse = () => { throw new TypeError('refused'); };
  const { ask, asked } = running(refuse, refuse);
  await assert.rejects(ask(script(`${CDN}app.0123.js`)).answer, /refused/);
  await assert.rejects(ask(script(`${CDN}app.0123.js`)).answer, /refused/);
  assert.deepEqual(asked.slice(0, 2), ['cdn cors app.0123.js', 'site app.0123.js']);
  const other = running(() => new Response('', { status: 404 }), () => new Response('gone', { status: 410 }));
  assert.equal((await other.ask(script(`${CDN}app.0123.js`)).answer).status, 410);
});

test('a page that gives up blames nobody', async () => {
  const signal = AbortSignal.abort();
  const { ask, asked } = running((_, { signal: mine }) => { if (!mine || signal.aborted) throw new DOMException('', 'AbortError'); }, () => good('local'));
  await ask(new AskedFor({ url: `${CDN}a.json` }, { signal })).answer;
  await ask(script(`${CDN}app.0123.js`)).answer;
  assert.equal(asked.filter(one => one.startsWith('cdn')).length, 2);
});

/** A body in two pieces, of which the second never comes. @param {(controller: any) => void} [then] */
const half = (text, then = () => {}, length = text.length) => {
  let isSent = false;
  const body = new ReadableStream({ pull: controller => {
    if (isSent) return then(controller) || new Promise(() => {});
    isSent = true;
    controller.enqueue(new TextEncoder().encode(text.slice(0, text.length / 2)));
  } });
  return new Response(body, { headers: { ...headers('image/png'), 'content-length': String(length) } });
};

const picture = new AskedFor({ url: `${CDN}a.png`, mode: 'no-cors', destination: 'image', credentials: 'include' });

test('a picture that breaks off is continued from the local copy, at that very byte', async () => {
  for (const [what, then, length] of [
    ['an error', controller => controller.error(new TypeError('reset')), 10],
    ['an end that Content-Length denies', controller => controller.close() || 1, 10],
  ]) {
    const { ask, asked } = running(() => half('0123456789', then, length), () => good('0123456789', 'image/png'));
    const asking = ask(picture);
    assert.equal(await asking.text(), '0123456789', what);
    await asking.kept;
    assert.deepEqual(asked, ['cdn cors a.png', 'site a.png'], what);
  }
});

test('a body that is longer than Content-Length was compressed, and whole', async () => {
  const { ask, asked } = running(() => new Response('0123456789', { headers: { ...headers('image/png'), 'content-length': '4' } }));
  assert.equal(await ask(picture).text(), '0123456789');
  assert.deepEqual(asked, ['cdn cors a.png']);
});

/** Lets promises have their turn, then time pass. */
const pass = async milliseconds => {
  for (let step = 0; step < milliseconds; step += 500) {
    for (let turn = 0; turn < 40; turn++) await new Promise(setImmediate);
    mock.timers.tick(500);
  }
};

/** How long an answer takes, in milliseconds, to half a second. */
async function taken(promise) {
  let isDone = false;
  promise.then(() => { isDone = true; });
  let passed = 0;
  for (; !isDone && passed < 60000; passed += 500) await pass(500);
  return passed;
}

test('silence is waited for three seconds: before the answer, in a file and in a picture', async () => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1e12 });
  const silent = () => new Promise(() => {});
  for (const [what, cdn, request] of [
    ['before', silent, script(`${CDN}app.0123.js`)],
    ['in a file', () => new Response(half(BODY).body, { headers: headers('text/javascript') }), script(`${CDN}app.0123.js`)],
    ['before a picture', silent, picture],
    ['in a picture', () => half(BODY), picture],
  ]) {
    const { ask, asked } = running(cdn, () => good());
    const text = ask(request).text();
    const time = await taken(text);
    assert.ok(time >= 3000 && time <= 4000, `${what}: ${time} ms`);
    assert.equal(await text, BODY, what);
    await ask(request).text();
    assert.equal(asked.filter(one => one.startsWith('cdn')).length, 1, `${what}: then it is left alone`);
  }
  mock.timers.reset();
});

test('a file that must be whole may take ten seconds, a picture any time', async () => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1e12 });
  const trickle = type => {
    let at = 0;
    const body = new ReadableStream({ pull: async controller => {
      await new Promise(resolve => setTimeout(resolve, 1000));
      if (at < BODY.length) controller.enqueue(new TextEncoder().encode(BODY[at++]));
      else controller.close();
    } });
    return new Response(body, { headers: headers(type) });
  };
  const slow = running(() => trickle('text/javascript'), () => good('local'));
  const file = slow.ask(script(`${CDN}app.0123.js`)).text();
  const time = await taken(file);
  assert.ok(time >= 10000 && time <= 11500, `${time} ms`);
  assert.equal(await file, 'local');
  const image = running(() => trickle('image/png'), () => good('local')).ask(picture).text();
  assert.ok(await taken(image) > 15000);
  assert.equal(await image, BODY);
  mock.timers.reset();
});

test('an answer that stands in a queue is not given up while others come', async () => {
  mock.timers.enable({ apis: ['Date', 'setTimeout'], now: 1e12 });
  const after = (time, answer) => new Promise(resolve => setTimeout(() => resolve(answer), time));
  const { ask, asked } = running(url => url.endsWith('late.js') ? after(5000, good()) : after(2500, good()));
  const [early, late] = [ask(script(`${CDN}early.js`)).text(), ask(script(`${CDN}late.js`)).text()];
  await pass(6000);
  assert.deepEqual([await early, await late], [BODY, BODY]);
  assert.deepEqual(asked, ['cdn cors early.js', 'cdn cors late.js']);
  mock.timers.reset();
});

test('a picture is asked for so that it can be looked at; where the CDN forbids that, as the page has asked', async () => {
  const { ask, asked } = running((_, { mode, credentials }) => {
    if (mode == 'cors') throw new TypeError(`no CORS, ${credentials}`);
    assert.equal(credentials, 'include');
    return opaque();
  });
  for (let again = 0; again < 2; again++) {
    const asking = ask(picture);
    assert.equal((await asking.answer).type, 'opaque');
    await asking.kept;
  }
  assert.deepEqual(asked, ['cdn cors a.png', 'cdn no-cors a.png', 'cdn no-cors a.png']);
});

test('what is not its business is not answered', () => {
  const { ask, asked } = running(() => good());
  for (const [what, request] of [
    ['the site', script('https://example.com/docs/app.js')],
    ['another place of that host', script('https://static.example.com/other/app.js')],
    ['POST', script(`${CDN}app.js`, { method: 'POST' })],
    ['a range', script(`${CDN}app.js`, { headers: { range: 'bytes=0-' } })],
    ['cookies', script(`${CDN}app.js`, { credentials: 'include' })],
    ['a page', new AskedFor({ url: `${CDN}a.html`, mode: 'navigate', destination: 'iframe' })],
    ...['audio', 'video', 'track'].map(destination => [destination, new AskedFor({ url: `${CDN}a`, mode: 'no-cors', destination })]),
  ]) assert.equal(ask(request), undefined, what);
  assert.deepEqual(asked, []);
  const athome = running(() => good(), () => good(), { cdns: ['https://example.com/'] });
  assert.equal(athome.ask(script('https://example.com/docs/app.js')), undefined, 'a site that is its own CDN');
});

test('the query goes along, the fragment does not, and the table knows neither', async () => {
  const { ask, asked } = running(() => good('tampered'));
  await ask(script(`${CDN}app.0123.js?v=1#x`)).answer;
  assert.deepEqual(asked, ['cdn cors app.0123.js?v=1#x', 'site app.0123.js?v=1']);
});

test('it takes over at once when it is alone, and not when it was imported', async () => {
  const kept = [];
  const { listeners } = running(() => good());
  assert.equal(listeners.install(), 'skipped');
  listeners.activate({ waitUntil: one => kept.push(one) });
  assert.deepEqual(kept, ['claimed']);
  const imported = running(() => good(), () => good(), { alone: false });
  assert.deepEqual(Object.keys(imported.listeners), ['fetch']);
});

test('its successor on a site without one unregisters it, and nothing that imports it', () => {
  const kept = [];
  const worker = start(() => good());
  worker.run('retired');
  assert.equal(worker.listeners.install(), 'skipped');
  worker.listeners.activate({ waitUntil: one => kept.push(one) });
  assert.deepEqual(kept, ['unregistered']);
  assert.equal(worker.listeners.fetch, undefined);
  const theirs = start(() => good());
  theirs.self.location.pathname = '/docs/sw.js';
  theirs.run('retired');
  assert.deepEqual(theirs.listeners, {});
});
