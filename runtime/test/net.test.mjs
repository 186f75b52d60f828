// What can be told without a browser: which attributes change and how, what is left alone, what the
// page is told. jsdom fetches nothing here, so no script that the net inserts runs: order and
// execution are the business of test-browser/.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';

// As with --fallback external: the net behind the loader.
const net = ['loader', 'net'].map(name => readFileSync(new URL(`../dist/${name}.min.js`, import.meta.url), 'utf8')).join('');
const CDN = 'https://static.example.com/site/';

/** A page with the net, after loading. */
function load(body, { url = 'https://example.com/docs/a/index.html', cdn = CDN, local = '../', head = '', again = '', html = '', session = {} } = {}) {
  const element = `<script data-tightrope="net" data-cdn="${cdn}" data-local="${local}">${net}</script>`;
  const { window } = new JSDOM(`<!DOCTYPE html><html ${html}><head>${head}${element}${again && element}</head><body>${body}</body>`,
    { url, runScripts: 'dangerously', pretendToBeVisual: true, beforeParse: window => { if (url.startsWith('http')) Object.assign(window.sessionStorage, session); } });
  const { document } = window;
  const told = [];
  document.addEventListener('tightrope:fallback', event => told.push(event.detail));
  const $ = selector => document.querySelector(selector);
  /** The element's request fails. Gives whether the page's own handlers heard of it. */
  const fail = element => {
    let heard = false;
    const listener = () => { heard = true; };
    element.addEventListener('error', listener);
    element.dispatchEvent(new window.Event('error'));
    element.removeEventListener('error', listener);
    return heard;
  };
  return { window, document, told, $, fail };
}

test('an image gets its local address, and the page is told', () => {
  const { $, fail, told } = load(`<img src="${CDN}img/a.png">`);
  assert.equal(fail($('img')), false);
  assert.equal($('img').getAttribute('src'), 'https://example.com/docs/img/a.png');
  assert.equal(told.length, 1);
  const { url, local, element, reason } = told[0];
  assert.deepEqual([url, local, element, reason], [`${CDN}img/a.png`, 'https://example.com/docs/img/a.png', $('img'), 'error']);
});

test('when the local copy fails too, nothing more is done and the page hears of it', () => {
  const { $, fail, told } = load(`<img src="${CDN}a.png">`);
  fail($('img'));
  assert.equal(fail($('img')), true);
  assert.equal(told.length, 1);
});

test('an element can be healed again when it is given another CDN address', () => {
  const { window, $, fail } = load(`<img src="${CDN}a.png">`);
  fail($('img'));
  $('img').dispatchEvent(new window.Event('load'));
  $('img').src = `${CDN}b.png`;
  fail($('img'));
  assert.equal($('img').src, 'https://example.com/docs/b.png');
});

test('what does not come from the CDN is left alone', () => {
  const { $, fail, told } = load(`<img src="/a.png" data-src="${CDN}a.png">
    <video src="https://static.example.com/other/a.mp4"></video><input src="https://proxy.example/?u=${CDN}a.png">`);
  for (const selector of ['img', 'video', 'input']) {
    const before = $(selector).outerHTML;
    assert.equal(fail($(selector)), true);
    assert.equal($(selector).outerHTML, before);
  }
  assert.equal(told.length, 0);
});

test('srcset: every candidate, and only where a URL begins', () => {
  const { $, fail } = load(`<img srcset="${CDN}a,b.png 1x,${CDN}c.png 2x, https://proxy.example/${CDN}d.png 3x">`);
  fail($('img'));
  const local = 'https://example.com/docs/';
  assert.equal($('img').getAttribute('srcset'), `${local}a,b.png 1x,${local}c.png 2x, https://proxy.example/${CDN}d.png 3x`);
});

test('a picture falls back whole, even if its img names no CDN address', () => {
  const { $, fail, document } = load(`<picture><source srcset="${CDN}a.avif"><source srcset="${CDN}a.webp"><img src="/a.png"></picture>`);
  assert.equal(fail($('img')), false);
  assert.deepEqual([...document.querySelectorAll('source')].map(source => source.srcset),
    ['https://example.com/docs/a.avif', 'https://example.com/docs/a.webp']);
});

test('svg images: href and xlink:href keep their namespaces', () => {
  const { $, fail } = load(`<svg><image xlink:href="${CDN}a.png" href="${CDN}b.png"></image></svg>`);
  fail($('image'));
  assert.equal($('image').getAttributeNS('http://www.w3.org/1999/xlink', 'href'), 'https://example.com/docs/a.png');
  assert.equal($('image').getAttribute('href'), 'https://example.com/docs/b.png');
});

test('a media element is swapped with its sources and poster, and loaded again', () => {
  const { window, $, fail } = load(`<video poster="${CDN}p.png"><source src="${CDN}a.webm"><source src="${CDN}a.mp4"><track src="${CDN}a.vtt"></video>`);
  let loads = 0;
  window.HTMLMediaElement.prototype.load = () => { loads++; };
  window.matchMedia = media => ({ matches: media !== 'print' });
  fail($('source'));
  assert.equal(loads, 1);
  assert.equal($('video').poster, 'https://example.com/docs/p.png');
  assert.equal($('source + source').src, 'https://example.com/docs/a.mp4');
  assert.equal($('track').getAttribute('src'), `${CDN}a.vtt`);
});

test('a source that the browser passes over has not failed', () => {
  const { window, $, fail } = load(`<video><source type="video/x-unheard-of" src="${CDN}a.xyz"></video>`);
  window.HTMLMediaElement.prototype.canPlayType = () => '';
  assert.equal(fail($('source')), true);
  assert.equal($('source').src, `${CDN}a.xyz`);
});

test('a stylesheet changes in place and keeps everything else', () => {
  const { $, fail } = load('', { head: '' });
  const { document } = $('html').ownerDocument.defaultView;
  document.head.insertAdjacentHTML('beforeend', `<link rel="alternate stylesheet" title="Dark" media="print" integrity="sha384-x" crossorigin="anonymous" id="l" href="${CDN}a.css">`);
  fail($('#l'));
  assert.equal($('#l').outerHTML, '<link rel="alternate stylesheet" title="Dark" media="print" integrity="sha384-x" crossorigin="anonymous" id="l" href="https://example.com/docs/a.css">');
});

test('hints are never healed, except a preload that becomes a sheet', () => {
  const { $, fail, document } = load('');
  for (const rel of ['preload', 'modulepreload', 'prefetch', 'icon', 'apple-touch-icon']) {
    document.head.insertAdjacentHTML('beforeend', `<link rel="${rel}" href="${CDN}a">`);
    assert.equal(fail($(`link[rel=${rel}]`)), true);
    assert.equal($(`link[rel=${rel}]`).href, `${CDN}a`);
  }
  document.head.insertAdjacentHTML('beforeend', `<link id="s" rel="preload" as="style" onload="this.rel='stylesheet'" href="${CDN}a.css">`);
  fail($('#s'));
  assert.equal($('#s').href, 'https://example.com/docs/a.css');
});

test('a style whose import failed', () => {
  const { $, fail } = load(`<style>@import "${CDN}a.css"; @import url(${CDN}b.css); i { background: url(https://p.example/?${CDN}c.png) }</style>`);
  fail($('style'));
  assert.equal($('style').textContent, `@import "https://example.com/docs/a.css"; @import url(https://example.com/docs/b.css); i { background: url(https://p.example/?${CDN}c.png) }`);
  assert.equal(fail($('style')), true);
});

test('an async script: a twin that keeps its attributes, tells the original, and is the last', () => {
  const { window, document, fail, told } = load('');
  const script = document.createElement('script');
  script.setAttribute('src', `${CDN}a.js`);
  for (const [name, value] of Object.entries({ integrity: 'sha384-x', crossorigin: 'anonymous', referrerpolicy: 'origin', id: 'x', 'data-key': 'k', type: 'text/javascript' })) script.setAttribute(name, value);
  script.nonce = 'n0nce';
  document.body.append(script);
  const heard = [];
  script.onload = () => heard.push('load');
  script.onerror = () => heard.push('error');
  assert.equal(fail(script), false);
  const twin = script.nextSibling;
  assert.equal(twin.src, 'https://example.com/docs/a.js');
  for (const name of ['integrity', 'crossorigin', 'referrerpolicy', 'id', 'data-key', 'type']) assert.equal(twin.getAttribute(name), script.getAttribute(name));
  assert.equal(twin.nonce, 'n0nce');
  assert.equal(twin.dataset.tightrope, 'twin');
  assert.deepEqual(heard, []);
  twin.dispatchEvent(new window.Event('error'));
  twin.dispatchEvent(new window.Event('load'));
  assert.deepEqual(heard, ['error', 'load']);
  fail(script);
  fail(twin);
  assert.equal(document.querySelectorAll('[data-tightrope=twin]').length, 1);
  assert.equal(told.length, 1);
});

test('a twin takes over attribute names that only the parser accepts', () => {
  const { document, fail, $ } = load('');
  document.body.innerHTML = `<script async src="${CDN}a.js" {{x}} @on="1"></script>`;
  fail($('body script'));
  assert.equal($('[data-tightrope=twin]').getAttribute('{{x}}'), '');
});

test('an inline module gets its imports swapped, once', async () => {
  const { window, document, fail, $ } = load('');
  await new Promise(resolve => window.addEventListener('load', resolve)); // behind the deferred list
  document.body.innerHTML = `<script type="module">import "${CDN}a.js"; import b from '${CDN}b.js';</script>`;
  const script = $('body script');
  fail(script);
  const texts = () => [...document.querySelectorAll('body script')].map(script => script.text.split('\n;')[0]).filter(text => /import/.test(text));
  const expected = [`import "https://example.com/docs/a.js"; import b from 'https://example.com/docs/b.js';`];
  assert.deepEqual(texts(), expected);
  fail($('body script'));
  fail(script);
  assert.deepEqual(texts(), expected);
});

test('the local home is resolved once, against the base in force', () => {
  const { $, fail, document } = load(`<img src="${CDN}a.png">`, { head: '<base href="/deep/er/">' });
  document.querySelector('base').href = '/elsewhere/';
  fail($('img'));
  assert.equal($('img').src, 'https://example.com/deep/a.png');
});

test('a file: page drops what needs CORS', () => {
  const { $, fail, document } = load('', { url: 'file:///home/docs/index.html', local: './' });
  document.body.innerHTML = `<img src="${CDN}a.png" crossorigin="anonymous" integrity="sha384-x">`;
  fail($('img'));
  assert.equal($('img').outerHTML, '<img src="file:///home/docs/a.png">');
});

test('does nothing on a page that is read from the CDN itself', () => {
  const { $, fail } = load(`<img src="${CDN}a.png">`, { url: `${CDN}docs/index.html`, local: './' });
  assert.equal(fail($('img')), true);
  assert.equal($('img').src, `${CDN}a.png`);
});

test('twice in a page it works once, and it leaves no global', () => {
  const { window, $, fail, told } = load(`<img src="${CDN}a.png">`, { again: true });
  fail($('img'));
  assert.equal(told.length, 1);
  const plain = new JSDOM('', { url: 'https://example.com/', runScripts: 'dangerously', pretendToBeVisual: true }).window;
  assert.deepEqual(Object.keys(window).filter(name => !(name in plain)), []);
});

test('where the net has a nonce, a script without it is not brought back', async () => {
  const { window, document, fail, $, told } = load('');
  $('[data-tightrope=net]').nonce = 'n0nce';
  await new Promise(resolve => window.addEventListener('load', resolve));
  document.body.innerHTML = `<script async src="${CDN}a.js"></script><img src="${CDN}a.png">`;
  assert.equal(fail($('body script')), true);
  assert.equal(told.length, 0);
  assert.equal(fail($('img')), false);
  document.body.innerHTML = `<script async nonce="n0nce" src="${CDN}a.js"></script>`;
  assert.equal(fail($('body script')), false);
});

/** The page is left: browsers hide it then. */
function leave(window) {
  Object.defineProperty(window.document, 'hidden', { value: true, configurable: true });
  window.document.dispatchEvent(new window.Event('visibilitychange'));
}
const KEY = `tightrope:${CDN}`;
const two = `<img id="a" src="${CDN}a.png"><img id="b" src="${CDN}b.png"><img id="c" src="${CDN}c.png">`;

test('two files that failed, and nothing that came: the session takes the CDN for down, for ten minutes', () => {
  const { window, $, fail } = load(two);
  fail($('#a'));
  leave(window);
  assert.equal(window.sessionStorage[KEY], undefined, 'one file may be missing');
  fail($('#b'));
  leave(window);
  const left = window.sessionStorage[KEY] - Date.now();
  assert.ok(left > 590_000 && left <= 600_000, `${left} ms`);
});

test('while it is taken for down, elements are local as soon as they are parsed; modules are not', async () => {
  const { window, $, told } = load(`${two}<script defer src="${CDN}d.js"></script><script type="module" src="${CDN}m.js"></script>
    <link rel="modulepreload" href="${CDN}m.js">`, { session: { [KEY]: Date.now() + 1000 } });
  await new Promise(resolve => window.addEventListener('load', resolve));
  assert.equal($('#a').src, 'https://example.com/docs/a.png');
  assert.equal($('[defer]').src, 'https://example.com/docs/d.js');
  assert.equal($('[type=module]').src, `${CDN}m.js`);
  assert.equal($('[rel=modulepreload]').href, `${CDN}m.js`);
  assert.equal(told.length, 0);
});

test('a script that a browser had asked for before it was made local is still healed', async () => {
  const { window, $, fail, told } = load(`<script async src="${CDN}a.js"></script>`, { session: { [KEY]: Date.now() + 1000 } });
  await new Promise(resolve => window.addEventListener('load', resolve));
  assert.equal(fail($('body script')), false);
  assert.equal($('[data-tightrope=twin]').src, 'https://example.com/docs/a.js');
  assert.equal(fail($('body script')), true);
  assert.equal(told.length, 0);
});

test('when the time is over, the CDN is tried again', async () => {
  const { window, $ } = load(two, { session: { [KEY]: Date.now() - 1 } });
  await new Promise(resolve => window.addEventListener('load', resolve));
  assert.equal($('#a').src, `${CDN}a.png`);
});

test("the site's owner can switch it off", () => {
  const { $, fail } = load(two, { html: 'data-tightrope="off"' });
  assert.equal(fail($('#a')), true);
  assert.equal($('#a').src, `${CDN}a.png`);
});
