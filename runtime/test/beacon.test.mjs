// What is reported, to whom and how often. That browsers send it is the business of test-browser/.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';

const read = name => readFileSync(new URL(`../dist/${name}.min.js`, import.meta.url), 'utf8');
const CDN = 'https://static.example.com/site/';

/** A page with `count` images, a way to make some of them fail, and one to leave it. */
function load(count) {
  const images = Array.from({ length: count }, (_, i) => `<img src="${CDN}${i}.png">`).join('');
  const element = `<script data-tightrope="net" data-cdn="${CDN}" data-local="./" data-beacon="https://stats.example/net?x=1">${read('loader')}${read('beacon')}${read('net')}</script>`;
  const sent = [];
  const { window } = new JSDOM(`<!DOCTYPE html><head>${element}${element}</head><body>${images}</body>`, {
    url: 'https://example.com/a/?token=secret#top', runScripts: 'dangerously', pretendToBeVisual: true,
    beforeParse: window => { window.navigator.sendBeacon = (url, body) => { sent.push([url, JSON.parse(body)]); return true; }; },
  });
  return {
    sent,
    fail(from, to) {
      for (const image of [...window.document.images].slice(from, to)) image.dispatchEvent(new window.Event('error'));
    },
    leave: () => window.dispatchEvent(new window.Event('pagehide')),
    hide(hidden) {
      Object.defineProperty(window.document, 'hidden', { value: hidden, configurable: true });
      window.document.dispatchEvent(new window.Event('visibilitychange', { bubbles: true }));
    },
  };
}

test('a page that is left tells what failed, without its query, and once', () => {
  const { sent, fail, leave, hide } = load(2);
  fail(0, 2);
  assert.deepEqual(sent, []);
  leave();
  hide(true);
  leave();
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.deepEqual(sent, [['https://stats.example/net?x=1', {
    version, page: 'https://example.com/a/', cdn: CDN, count: 2,
    failed: [{ url: `${CDN}0.png`, reason: 'error' }, { url: `${CDN}1.png`, reason: 'error' }],
  }]]);
});

test('a healthy page tells nothing, and a page that is shown again neither', () => {
  const { sent, fail, leave, hide } = load(1);
  leave();
  hide(true);
  hide(false);
  fail(0, 1);
  hide(false);
  assert.deepEqual(sent, []);
});

test('of many failures twenty are named, and all are counted', () => {
  const { sent, fail, leave } = load(30);
  fail(0, 30);
  leave();
  assert.equal(sent[0][1].count, 30);
  assert.equal(sent[0][1].failed.length, 20);
});
