// When the service worker is registered, and when not.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { JSDOM } from 'jsdom';

const read = name => readFileSync(new URL(`../dist/${name}.min.js`, import.meta.url), 'utf8');
const CDN = 'https://static.example.com/site/';
const URL_OF_IT = 'https://example.com/docs/tightrope-service-worker.js';

/** Loads a page and says what was registered. @param {{ url?: string, html?: string, there?: object, secure?: boolean, trustedTypes?: object }} how */
async function registered({ url = 'https://example.com/docs/guide/', html = '', there, secure = true, trustedTypes } = {}) {
  const element = `<script data-tightrope="net" data-cdn="${CDN}" data-local="../">${read('loader')}${read('register')}</script>`;
  const done = [];
  const { window } = new JSDOM(`<!DOCTYPE html><html ${html}><head>${element}${element}</head></html>`, {
    url, runScripts: 'dangerously',
    beforeParse: window => {
      window.isSecureContext = secure;
      window.trustedTypes = trustedTypes;
      window.navigator.serviceWorker = {
        getRegistration: async () => there,
        register: async url => { done.push(url); throw new window.TypeError('a policy forbids it'); },
      };
    },
  });
  assert.deepEqual(done, [], 'not before the page has loaded');
  await new Promise(resolve => window.addEventListener('load', () => setTimeout(resolve, 10)));
  return done;
}

const worker = scriptURL => ({ scriptURL });

test('it is registered once, when the page has loaded, from the local home', async () => {
  assert.deepEqual(await registered(), [URL_OF_IT]);
});

test('one that is there already is asked for anew, and that of somebody else is not replaced', async () => {
  assert.deepEqual(await registered({ there: { active: worker(URL_OF_IT) } }), [URL_OF_IT]);
  for (const state of ['active', 'waiting', 'installing']) {
    assert.deepEqual(await registered({ there: { [state]: worker('https://example.com/pwa.js') } }), [], state);
    assert.deepEqual(await registered({ there: { active: worker(URL_OF_IT), [state]: worker('https://example.com/pwa.js') } }), [], state);
  }
});

test('not where the owner switches it off, in an insecure page, in a file, or in a page that is read from the CDN', async () => {
  assert.deepEqual(await registered({ html: 'data-tightrope="off"' }), []);
  assert.deepEqual(await registered({ secure: false }), []);
  assert.deepEqual(await registered({ url: 'file:///docs/guide/index.html' }), []);
  assert.deepEqual(await registered({ url: `${CDN}guide/` }), []);
});

test('under Trusted Types its URL is one that the policy of the net has made', async () => {
  const trustedTypes = { createPolicy: name => ({ createScriptURL: url => `${url} trusted by ${name}` }) };
  assert.deepEqual(await registered({ trustedTypes }), [`${URL_OF_IT} trusted by tightrope`]);
});
