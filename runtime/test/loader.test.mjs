// What the loader does before the net is there: it fetches it at the first failure of the CDN, and not before.
// jsdom loads nothing here, and runs what is inserted as text; a request is answered by a stand-in.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';

const read = name => readFileSync(new URL(`../dist/${name}.min.js`, import.meta.url), 'utf8');
const CDN = 'https://static.example.com/site/';

/** A page with the loader. `status`: what the origin answers when the net is asked for; null: no answer. */
function load(body, { status = 200, session = {}, policy } = {}) {
  const element = `<script data-tightrope="net" data-cdn="${CDN}" data-local="../" data-net="net.js" data-integrity="sha384-x" nonce="n0nce">${read('loader')}</script>`;
  const asked = [];
  const { window } = new JSDOM(`<!DOCTYPE html><head>${element}</head><body>${body}</body>`, {
    url: 'https://example.com/docs/a/index.html', runScripts: 'dangerously', pretendToBeVisual: true,
    beforeParse: window => {
      Object.assign(window.sessionStorage, session);
      if (policy) window.trustedTypes = policy;
      window.XMLHttpRequest = class {
        open(method, url, isAsync) { asked.push([method, url, !!isAsync]); }
        send() {
          if (status === null) throw new Error('no network');
          Object.assign(this, { status, responseText: read('net') });
        }
      };
    },
  });
  const { document } = window;
  const brought = () => [...document.querySelectorAll('script[src*="net.js"]')];
  const fail = element => {
    let heard = 0;
    element.addEventListener('error', () => { heard++; }, { once: true });
    element.dispatchEvent(new window.Event('error'));
    return heard;
  };
  return { window, document, asked, brought, fail, $: selector => document.querySelector(selector) };
}

test('the first failure fetches the net at once, and is healed by it', () => {
  const { asked, brought, fail, $ } = load(`<img src="${CDN}a.png"><img id="b" src="${CDN}b.png">`);
  assert.deepEqual(asked, []);
  assert.equal(fail($('img')), 0);
  assert.deepEqual(asked, [['GET', 'https://example.com/docs/net.js', false]]);
  assert.equal($('img').src, 'https://example.com/docs/a.png');
  assert.equal(fail($('#b')), 0);
  assert.equal($('#b').src, 'https://example.com/docs/b.png');
  assert.equal(asked.length, 1);
  assert.deepEqual(brought(), []);
});

test("what is not the CDN's fetches nothing, and the page hears of it", () => {
  const { asked, brought, fail, $ } = load('<img src="/a.png">');
  assert.equal(fail($('img')), 1);
  assert.deepEqual([asked, brought()], [[], []]);
});

test('what only looks like it is told to the page when the net has had a look', () => {
  const { fail, $ } = load(`<img src="/a.png" alt="${CDN}">`);
  assert.equal(fail($('img')), 1);
});

test('an error of a running script is none of an element', () => {
  const { window, asked } = load('');
  window.dispatchEvent(new window.Event('error'));
  assert.deepEqual(asked, []);
});

for (const status of [404, null]) {
  test(`without an answer to a request (${status}) the net comes as a script, pinned and with the nonce`, () => {
    const { window, brought, fail, $, document } = load(`<img src="${CDN}a.png"><img id="b" src="${CDN}b.png">`, { status });
    fail($('img'));
    fail($('#b'));
    const [script, ...more] = brought();
    assert.deepEqual(more, []);
    assert.deepEqual([script.src, script.integrity, script.getAttribute('nonce')], ['https://example.com/docs/net.js', 'sha384-x', 'n0nce']);
    // It arrives: jsdom has not fetched it, so its text is run in its place.
    const arrived = document.createElement('script');
    arrived.text = read('net');
    script.replaceWith(arrived);
    assert.deepEqual([$('img').src, $('#b').src], ['https://example.com/docs/a.png', 'https://example.com/docs/b.png']);
    assert.equal(window.document.querySelectorAll('body ~ script').length, 0);
  });
}

test('while the session takes the CDN for down, the net is written behind the loader', () => {
  const key = `tightrope:${CDN}`;
  assert.equal(load('', { session: { [key]: Date.now() + 1000 } }).brought().length, 1);
  assert.equal(load('', { session: { [key]: Date.now() - 1000 } }).brought().length, 0);
});

test('the policy for Trusted Types is made once, and when something has failed', () => {
  const made = [];
  const policy = { createPolicy: (name, rules) => { made.push(name); return rules; } };
  const { fail, $ } = load(`<img src="${CDN}a.png"><img id="b" src="${CDN}b.png">`, { policy });
  assert.deepEqual(made, []);
  fail($('img'));
  fail($('#b'));
  assert.deepEqual(made, ['tightrope']);
});
