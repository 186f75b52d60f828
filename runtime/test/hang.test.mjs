// What can be told without a browser: when the page is loaded anew and when not, what is kept, and what the page's text
// becomes. That browsers give up what they wait for, and run the page again, is the business of tests/browser/hang.rs.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';

const [loader, hang, rescue, beacon] = ['loader', 'hang', 'rescue', 'beacon'].map(name =>
  readFileSync(new URL(`../dist/${name}.min.js`, import.meta.url), 'utf8'));
const CDN = 'https://static.example.com/site/';
const KEY = `tightrope:hang:${CDN}`;
const BLOCKER = `<script src="${CDN}a.js"></script>`;

/** A page at which the parser stands, with the ticks of its clock in our hands. After a quarter of the limit it has the rescue. */
function load(body, { session = {}, html = '', url = 'https://example.com/docs/a/?q=1', status = 200, at = url, type = 'text/html', before = () => {} } = {}) {
  const [asked, reports] = [[], []];
  let tick, quarter;
  const element = `<script data-tightrope="net" data-cdn="${CDN}" data-local="../" data-net="net.js" data-hang-limit="800">${loader}${hang}</script>`;
  const { window } = new JSDOM(`<!DOCTYPE html><html ${html}><head>${element}</head><body>${body}</body>`, {
    url, runScripts: 'dangerously', pretendToBeVisual: true,
    beforeParse(window) {
      Object.assign(window.sessionStorage, session);
      Object.defineProperty(window.document, 'readyState', { value: 'loading', configurable: true });
      Object.defineProperty(window.document, 'contentType', { value: type });
      window.setTimeout = (then, after) => {
        assert.equal(after, 200);
        quarter = then;
      };
      window.navigator.sendBeacon = (_, body) => reports.push(JSON.parse(body));
      window.setInterval = then => { tick = then; return 1; };
      window.clearInterval = () => { tick = null; };
      window.matchMedia = media => ({ matches: media !== 'print' });
      window.performance.getEntriesByName = () => [];
      window.PerformanceObserver = class { constructor(then) { window.arrive = name => then({ getEntries: () => [{ name }] }); } observe() {} };
      // jsdom knows neither of them.
      for (const name of ['async', 'noModule']) Object.defineProperty(window.HTMLScriptElement.prototype, name,
        { get() { return this.hasAttribute(name.toLowerCase()); } });
      window.XMLHttpRequest = class {
        open(method, target) { this.method = method; this.target = target; }
        send() {
          asked.push(`${this.method} ${this.target}`);
          if (this.method === 'HEAD') Object.assign(this, { status, responseURL: at }).onload();
          if (this.target.endsWith('/net.js')) Object.assign(this, { status: 200, responseText: beacon + rescue }).onloadend();
        }
      };
    },
  });
  before(window);
  quarter?.();
  const isBrought = asked.splice(0).join() === 'GET https://example.com/docs/net.js';
  const told = [];
  window.document.addEventListener('tightrope:fallback', event => told.push(event.detail));
  return { window, asked, reports, told, ticks: count => { for (let i = 0; i < count; i++) tick?.(); }, isBrought };
}

const isGivenUp = ({ window }) => KEY in window.sessionStorage;

test('eight ticks of silence: the file is asked for once more, then the site itself, and the page is given up', () => {
  const page = load(BLOCKER, { url: 'https://example.com/docs/a/?q=1#part', at: 'https://example.com/docs/a/?q=1' });
  page.ticks(7);
  assert.deepEqual(page.asked, [`GET ${CDN}a.js`]);
  assert.equal(isGivenUp(page), false);
  page.ticks(1);
  assert.deepEqual(page.asked, [`GET ${CDN}a.js`, 'HEAD https://example.com/docs/a/?q=1']);
  const [end, url] = page.window.sessionStorage[KEY].split(' ');
  assert.ok(end - Date.now() > 590_000);
  assert.equal(url, `${CDN}a.js`);
  assert.equal(page.window.sessionStorage[`tightrope:${CDN}`], end, 'the net takes the CDN for down as long');
  assert.equal(page.window.sessionStorage['tightrope:fragment'], '#part');
  const [{ reason, local }] = page.told;
  assert.deepEqual([reason, local], ['hang', 'https://example.com/docs/a.js']);
});

/** Ticks on in a page that is parsed; what the net is told of then. */
function healedIn(page, ticks) {
  const { document } = page.window;
  const healed = [];
  const net = document.querySelector('[data-tightrope=net]').tightrope;
  net.handle = ({ type, target }) => {
    if (type === 'error') healed.push(`${target.localName} ${net.reason}`);
  };
  document.dispatchEvent(new page.window.Event('DOMContentLoaded', { bubbles: true }));
  Object.defineProperty(document, 'readyState', { value: 'interactive', configurable: true });
  page.ticks(ticks);
  return healed;
}

const LATE = `<script async src="${CDN}a.js"></script><img src="${CDN}a.png"><img src="/local.png">
  <picture><source srcset="${CDN}b.png"><img src="/b.png"></picture><video><source src="${CDN}c.webm"></video>`;

test('what holds nothing up falls back in the page as it is, also in one that somebody uses', () => {
  const page = load(LATE, { before: window => window.dispatchEvent(new window.Event('keydown')) });
  assert.deepEqual(healedIn(page, 7), []);
  const healed = healedIn(page, 1);
  assert.deepEqual(healed.sort(), ['img hang', 'img hang', 'script hang', 'source hang']);
  assert.equal(page.window.document.querySelector('script[async]'), null, 'should it come after all, it does not run');
  assert.equal(isGivenUp(page), false);
  assert.deepEqual(healedIn(load(LATE, { type: 'application/xhtml+xml' }), 8).length, 4, 'where the page cannot be written again');
});

test('what has come, or may still come, does not', () => {
  const loaded = load(LATE, {
    before: window => window.document.querySelectorAll('script[async],img').forEach(one => one.dispatchEvent(new window.Event('load'))),
  });
  assert.deepEqual(healedIn(loaded, 8), ['source hang']);
  const done = load(LATE);
  done.window.dispatchEvent(new done.window.Event('load'));
  assert.deepEqual(healedIn(done, 30), []);
  const moving = load(LATE);
  assert.deepEqual(healedIn(moving, 7), []);
  moving.window.arrive(`${CDN}b.png`);
  assert.deepEqual(healedIn(moving, 7), []);
});

test('a hang is reported as the page is left', () => {
  const page = load(BLOCKER);
  page.ticks(8);
  page.window.dispatchEvent(new page.window.Event('pagehide'));
  assert.deepEqual(page.reports.map(report => report.failed), [[{ url: `${CDN}a.js`, reason: 'hang' }]]);
});

test('what arrives from the CDN begins the limit anew, what arrives from elsewhere does not', () => {
  const page = load(BLOCKER);
  page.ticks(7);
  page.window.arrive(`${CDN}b.png`);
  page.ticks(7);
  assert.equal(isGivenUp(page), false);
  page.window.arrive('https://example.com/b.png');
  page.ticks(1);
  assert.equal(isGivenUp(page), true);
});

test('what does not hold the page up is not waited for', () => {
  for (const body of [
    `<script async src="${CDN}a.js"></script>`, `<img src="${CDN}a.png">`, `<script src="/local.js"></script>`,
    `<link rel="stylesheet" media="print" href="${CDN}a.css">`, `<link rel="alternate stylesheet" href="${CDN}a.css">`,
    `<link rel="preload" as="script" href="${CDN}a.js">`, `<script nomodule src="${CDN}a.js"></script>`,
    `<script type="text/template" src="${CDN}a.js"></script>`, `<script>'${CDN}a.js'</script>`, `<style>a { background: url(${CDN}a.png) }</style>`,
    `<script defer src="${CDN}a.js"></script>`, // as long as the page is parsed
  ]) {
    const page = load(body);
    page.ticks(30);
    assert.deepEqual([page.asked, isGivenUp(page)], [[], false], body);
  }
});

test('what holds it up is', () => {
  for (const [body, readyState] of [
    [`<link rel="stylesheet" href="${CDN}a.css">`, 'loading'], [`<style>@import "${CDN}a.css";</style>`, 'loading'],
    [`<script defer src="${CDN}a.js"></script>`, 'interactive'], [`<script type="module" src="${CDN}a.js"></script>`, 'interactive'],
    [`<script type="module">import '${CDN}a.js';</script>`, 'interactive'], [`<link rel="stylesheet" href="${CDN}a.css">`, 'interactive'],
  ]) {
    const page = load('');
    page.window.document.body.innerHTML = body;
    Object.defineProperty(page.window.document, 'readyState', { value: readyState, configurable: true });
    page.ticks(8);
    assert.deepEqual([page.asked[0], isGivenUp(page)], [`GET ${/https:[^'")> ]+/.exec(body)[0]}`, true], body);
  }
});

test('whoever uses the page keeps it, before the rescue comes and after', () => {
  for (const type of ['keydown', 'input', 'pointerdown', 'wheel', 'submit']) {
    const use = window => window.document.body.dispatchEvent(new window.Event(type, { bubbles: true }));
    const used = load(BLOCKER, { before: use });
    used.ticks(20);
    assert.equal(isGivenUp(used), false, type);
    const page = load(BLOCKER);
    page.ticks(7);
    use(page.window);
    page.ticks(9);
    assert.equal(isGivenUp(page), false, type);
  }
});

test('a page that has loaded within a quarter of the limit asks for nothing', () => {
  assert.equal(load(BLOCKER, { before: window => window.dispatchEvent(new window.Event('load')) }).isBrought, false);
});

test('what has loaded before the rescue came is not waited for', () => {
  const page = load(`<link rel="stylesheet" href="${CDN}a.css">`, {
    before: window => window.document.querySelector('link').dispatchEvent(new window.Event('load')),
  });
  page.ticks(30);
  assert.deepEqual([page.isBrought, page.asked, isGivenUp(page)], [true, [], false]);
});

test('a site that does not answer as before is not asked for the page', () => {
  for (const options of [{ status: 405 }, { status: 503 }, { at: 'https://example.com/login' }]) {
    const page = load(BLOCKER, options);
    page.ticks(20);
    assert.equal(isGivenUp(page), false);
  }
});

test('once a session, not behind a form that posts, not where it is off, and not where nothing can be written again', () => {
  for (const options of [
    { session: { [KEY]: '0' } }, { session: { 'tightrope:posted': '1' } }, { html: 'data-tightrope="off"' }, { type: 'application/xhtml+xml' },
    { url: `${CDN}a/` },
  ]) {
    const page = load(BLOCKER, options);
    page.ticks(20);
    assert.equal(page.window.sessionStorage[KEY], options.session?.[KEY], JSON.stringify(options));
  }
});

test('a form that posts is remembered for one page', () => {
  for (const [form, is] of [['<form method=POST>', true], ['<form>', false], ['<form><button formmethod=post>', true]]) {
    const page = load(form);
    page.window.document.forms[0].dispatchEvent(new page.window.Event('formdata', { bubbles: true }));
    assert.equal('tightrope:posted' in page.window.sessionStorage, is, form);
  }
  assert.equal('tightrope:posted' in load('', { session: { 'tightrope:posted': '1' } }).window.sessionStorage, false);
});
