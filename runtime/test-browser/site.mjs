// The site under test, in two homes: an origin server and a CDN server that fails as told.
//
// The CDN's fault is the first part of its path: http://localhost:PORT/404/js/b1.js. A fault that
// needs no server, a closed port, has a base URL of its own.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

export const FAULTS = ['ok', 'closed', '404', '500', 'reset', 'cut', 'html', 'tampered', 'noacao', 'mixed'];
export const VARIANTS = ['html', 'nonce', 'trusted', 'xhtml', 'twice', 'hashes', 'external', 'sandbox'];
/** Pages with nothing but a deferred list. */
export const ORDERS = ['order', 'throws', 'local'];

/** In the fault "mixed" these fail with 404, the rest is well. */
const MIXED = /\/(b2|b5|b6|d2|s2|m1|dep|a1|photo|m4|c2|m6)\.\w+$/;

const types = {
  js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8', png: 'image/png', svg: 'image/svg+xml', wav: 'audio/wav',
};

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

/** A tenth of a second of silence. */
function wav() {
  const bytes = Buffer.alloc(44 + 800, 128);
  bytes.write('RIFF', 0); bytes.writeUInt32LE(836, 4); bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16); bytes.writeUInt16LE(1, 20); bytes.writeUInt16LE(1, 22);
  bytes.writeUInt32LE(8000, 24); bytes.writeUInt32LE(8000, 28); bytes.writeUInt16LE(1, 32); bytes.writeUInt16LE(8, 34);
  bytes.write('data', 36); bytes.writeUInt32LE(800, 40);
  return bytes;
}

const files = new Map();
for (let i = 1; i <= 8; i++) files.set(`js/b${i}.js`, `trace.push('b${i}');`);
// Deferred scripts say what code reads of its own element, and whether "use strict" is in force.
for (const name of ['d1', 'd2', 'd3', 'l1']) {
  files.set(`js/${name}.js`, `'use strict';
trace.push('${name} ' + document.currentScript.src.split('/').pop() + ' ' + document.currentScript.dataset.role + ' ' +
  (function () { return this === undefined; })());`);
}
files.set('js/d1.js', files.get('js/d1.js') + `\ndocument.addEventListener('DOMContentLoaded', function () { trace.push('dcl'); });`);
files.set('js/never.js', `trace.push('never');`);
files.set('js/a1.js', `free.push('a1');`);
files.set('js/dyn.js', `free.push('dyn');`);
files.set('js/m1.js', `import { dep } from './dep.js'; modules.push('m1 ' + dep + ' ' + import.meta.url.split('/').pop());`);
files.set('js/dep.js', `export const dep = 'dep';`);
files.set('js/m2.js', `modules.push('m2');`);
files.set('js/m3.js', `export const three = 3; modules.push('m3');`);
// The deferred list of the page "order": classic scripts (c) and modules (m).
for (const name of ['c1', 'm4', 'c2', 'm5', 'c3', 'c4']) files.set(`js/${name}.js`, `trace.push('${name} ' + document.readyState);`);
files.set('js/c2.js', files.get('js/c2.js') + `document.addEventListener('DOMContentLoaded', function () { trace.push('dcl ' + document.readyState); });`);
files.set('js/m6.js', `export default 6;`);
files.set('css/s1.css', `:root { --a: 1; --b: 1; --c: 1; --d: 1 }`);
files.set('css/s2.css', `@import "deep.css"; :root { --b: 2; --c: 2; --d: 2 }`);
files.set('css/deep.css', `:root { --deep: 1 }`);
files.set('css/local.css', `:root { --c: 3; --d: 3 }`);
files.set('css/s3.css', `:root { --d: 4 }`);
files.set('css/imported.css', `:root { --imported: 1 }`);
files.set('css/late.css', `:root { --late: 1 }`);
files.set('css/preloaded.css', `:root { --preloaded: 1 }`);
files.set('img/photo.png', png);
files.set('img/two.png', png);
files.set('img/own.png', png); // not two.png: Chromium takes a 2x candidate that it has already
files.set('img/dot.svg', `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>`);
files.set('media/beep.wav', wav());

const integrity = bytes => 'sha384-' + createHash('sha384').update(bytes).digest('base64');
export const integrityOf = path => integrity(files.get(path));
const cspHash = text => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** The loader, as pages have it. Its text goes in raw: it must need no escaping. */
const loader = (cdn, texts, nonce = '') =>
  `<script data-tightrope="net" data-cdn="${cdn}" data-local="../" data-net="net.js" data-integrity="${integrity(texts.net)}"${nonce}>${texts.loader}</script>`;

/** The whole test page. Both the head and the body have runs of failing scripts between inline ones. */
export function page(variant, cdn, texts) {
  const xml = variant === 'xhtml';
  const nonce = variant === 'nonce' ? ' nonce="n0nce"' : '';
  const handlers = variant === 'html' || xml || variant === 'twice';
  const end = xml ? '/' : '';
  const inlineTexts = [];
  const attr = (name, value) => (xml ? `${name}="${value ?? name}"` : value === undefined ? name : `${name}="${value}"`);
  const escape = text => (xml ? text.replace(/&/g, '&amp;').replace(/</g, '&lt;') : text);
  const inline = (text, attributes = '') => {
    inlineTexts.push(text);
    return `<script${nonce}${attributes}>${escape(text)}</script>`;
  };
  const checked = path => `integrity="${integrityOf(path)}" crossorigin="anonymous"`;
  const script = (name, attributes = '') =>
    `<script src="${cdn}js/${name}.js" ${checked(`js/${name}.js`)} ${attributes}${nonce}></script>`;
  const blocking = (name, attributes = '') => script(name, `data-tightrope="parser" ${attributes}`);
  const sheet = (name, attributes = '') =>
    `<link rel="stylesheet" href="${cdn}css/${name}.css" ${checked(`css/${name}.css`)} ${attributes}${nonce}${end}>`;
  // Somebody else's scripts, without the nonce: the CSP blocks them, and so it must stay.
  const stranger = ['', 'defer', 'async', 'type="module"', 'data-tightrope="parser"'].map(attributes =>
    `<script src="${cdn}js/never.js" ${attributes}></script>`).join('');
  const inFile = variant === 'external';
  const whole = texts.loader + texts.net;
  const theNet = inFile
    ? `<script data-tightrope="net" src="../whole.js" integrity="${integrity(whole)}" data-cdn="${cdn}" data-local="../"></script>`
    : loader(cdn, texts, nonce);
  if (!inFile) inlineTexts.push(texts.loader, texts.net);
  const map = JSON.stringify({
    integrity: Object.fromEntries(['js/m1.js', 'js/dep.js', 'js/m2.js', 'js/m3.js'].flatMap(path =>
      [[cdn + path, integrityOf(path)], ['../' + path, integrityOf(path)]])),
  });
  // Something on the page's root to wait for in every variant.
  const head = `<meta charset="utf-8"${end}><title>net</title>
${inline(`window.trace = []; window.modules = []; window.free = []; window.fallbacks = []; window.wrong = [];
document.addEventListener('tightrope:fallback', function (e) { fallbacks.push(e.detail.url + ' ' + e.detail.local + ' ' + e.detail.element.localName); });
window.addEventListener('error', function (e) { if (e.target === window) wrong.push(String(e.message)); }, true);`)}
${theNet}
${variant === 'twice' ? theNet : ''}
${inline(map, ' type="importmap"')}
${blocking('b1')}
${blocking('b2')}
${inline("trace.push('i1');")}
${sheet('s1')}
${sheet('s2', 'title="Main"')}
<link rel="stylesheet" href="../css/local.css"${end}>
${sheet('s3')}
<style${nonce}>@import "${cdn}css/imported.css";</style>
${inline("window.early = getComputedStyle(document.documentElement).getPropertyValue('--d');")}
${handlers ? sheet('late', `media="print" onload="this.media='all'"`) : ''}
${handlers ? `<link rel="preload" as="style" href="${cdn}css/preloaded.css" ${checked('css/preloaded.css')} onload="this.onload=null;this.rel='stylesheet'"${end}>` : ''}
<link rel="preload" as="script" href="${cdn}js/b8.js" ${checked('js/b8.js')}${end}>
${script('d1', `${attr('defer')} data-role="first" id="first"`)}
<script src="${cdn}js/never.js" ${attr('defer')} ${attr('nomodule')}${nonce}></script>
<script src="${cdn}js/never.js" ${attr('defer')} type="text/template"${nonce}></script>
<script src="../js/gone.js" ${attr('defer')}${nonce}></script>
${variant === 'nonce' ? stranger : ''}
${script('d2', `${attr('defer')} data-role="second"`)}
<script src="../js/l1.js" ${attr('defer')} data-role="local"${nonce}></script>
${script('a1', attr('async'))}
${script('m1', 'type="module"')}
${blocking('b3')}
${blocking('b4', handlers ? `onerror="wrong.push('b4 onerror')" onload="free.push('b4 onload')"` : '')}
${inline("trace.push('i2');")}`;
  const body = `<div><p>${blocking('b5')}</p></div>
${inline("trace.push('i3');")}
<table><tr><td>${blocking('b6')}${blocking('b7')}</td></tr></table>
${inline("trace.push('i4');")}
${script('d3', `${attr('defer')} data-role="third"`)}
${script('m2', 'type="module"')}
${inline(`import { three } from "${cdn}js/m3.js"; modules.push('inline ' + three);`, ' type="module"')}
<img id="img" src="${cdn}img/photo.png" alt=""${end}>
<img id="srcset" srcset="${cdn}img/photo.png 1x, ${cdn}img/two.png 2x" alt=""${end}>
<img id="cors" src="${cdn}img/photo.png" ${checked('img/photo.png')} alt=""${end}>
<img id="again" src="../img/own.png" alt=""${end}>
<picture><source srcset="${cdn}img/photo.png"${end}><img id="picture" src="../img/own.png" alt=""${end}></picture>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">
<image id="svg" href="${cdn}img/photo.png" width="1" height="1"/><image id="xlink" xlink:href="${cdn}img/photo.png" width="1" height="1"/></svg>
<input id="input" type="image" src="${cdn}img/photo.png" alt=""${end}>
<object id="object" data="${cdn}img/photo.png" type="image/png"></object>
<audio id="audio" preload="auto" src="${cdn}media/beep.wav"></audio>
<audio id="source" preload="auto"><source id="unplayable" src="${cdn}media/beep.xyz" type="audio/x-unheard-of"${end}><source src="${cdn}media/beep.wav" type="audio/wav"${end}></audio>
${inline(`var s = document.createElement('script'); s.src = ${variant === 'trusted' ? "trustedTypes.createPolicy('page', { createScriptURL: function (url) { return url; } }).createScriptURL" : ''}("${cdn}js/dyn.js"); s.crossOrigin = 'anonymous'; s.integrity = "${integrityOf('js/dyn.js')}";
${nonce && "s.nonce = 'n0nce'; "}s.addEventListener('load', function () { free.push('dyn load'); }); s.onerror = function () { wrong.push('dyn error'); }; document.body.appendChild(s);
document.getElementById('img').onerror = function () { wrong.push('img error'); };
var again = document.getElementById('again'); again.onload = function () { again.onload = null; again.src = "${cdn}img/photo.png"; };
if (again.complete) again.onload();`)}
${blocking('b8')}`;
  const html = xml
    ? `<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"><head>${head}</head><body>${body}</body></html>`
    : `<!DOCTYPE html>\n<html><head>${head}</head><body>${body}</body></html>`;
  const headers = { 'content-type': xml ? 'application/xhtml+xml; charset=utf-8' : 'text/html; charset=utf-8' };
  if (variant === 'nonce') {
    headers['content-security-policy'] = "script-src 'nonce-n0nce' 'strict-dynamic'; object-src *";
  } else if (variant === 'trusted') {
    headers['content-security-policy'] = "require-trusted-types-for 'script'; trusted-types tightrope page";
  } else if (variant === 'hashes' || inFile) {
    headers['content-security-policy'] = `script-src 'self' ${new URL(cdn).origin} ${inlineTexts.map(cspHash).join(' ')}`;
  } else if (variant === 'sandbox') {
    headers['content-security-policy'] = 'sandbox allow-scripts';
  }
  return { html, headers };
}

/** Classic deferred scripts and modules in turn. `throws`: the inline module does not come to its end. */
export function orderPage(variant, cdn, texts) {
  const checked = path => `integrity="${integrityOf(path)}" crossorigin="anonymous"`;
  const script = (name, how) => `<script src="${cdn}js/${name}.js" ${checked(`js/${name}.js`)} ${how}></script>`;
  const html = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>order</title>
<script>window.trace = []; window.loads = 0; addEventListener('load', function () { trace.push('load'); });</script>
${loader(cdn, texts)}
${script('c1', 'defer')}${script('m4', 'type="module"')}${script('c2', 'defer')}${script('m5', 'type="module"')}${script('c3', 'defer')}
<script type="module">import six from "${cdn}js/m6.js"; trace.push('inline ' + document.readyState); ${variant === 'throws' ? 'throw six' : ''} // the end</script>
${variant === 'local' ? '<script src="../js/c4.js" defer></script>' : ''}</head><body><p>order</p></body></html>`;
  return { html, headers: { 'content-type': 'text/html; charset=utf-8' } };
}

/** As on a site that was built with --beacon. */
const loaderWithBeacon = (cdn, { loader, net, beacon }) =>
  `<script data-tightrope="net" data-cdn="${cdn}" data-local="../" data-net="net-with-beacon.js" data-integrity="${integrity(beacon + net)}" data-beacon="/report">${loader}</script>`;

/** No modules. `off`: with the switch of the site's owner. `beacon`: with reports. */
export function plainPage(variant, cdn, texts) {
  const script = (name, how) => `<script src="${cdn}js/${name}.js" integrity="${integrityOf(`js/${name}.js`)}" crossorigin="anonymous" ${how}></script>`;
  const html = `<!DOCTYPE html><html ${variant === 'off' ? 'data-tightrope="off"' : ''}><head><meta charset="utf-8"><title>plain</title>
<script>window.trace = []; addEventListener('load', function () { trace.push('load'); });</script>
${variant === 'beacon' ? loaderWithBeacon(cdn, texts) + loaderWithBeacon(cdn, texts) : loader(cdn, texts)}
<link rel="stylesheet" href="${cdn}css/s1.css" integrity="${integrityOf('css/s1.css')}" crossorigin="anonymous">
${script('b1', 'data-tightrope="parser"')}${script('c1', 'defer')}${script('c2', 'defer')}</head><body><img src="${cdn}img/photo.png" alt=""></body></html>`;
  return { html, headers: { 'content-type': 'text/html; charset=utf-8' } };
}

/** Runs in the page: everything that must be the same as on a healthy day. */
export const observe = `
var style = getComputedStyle(document.documentElement), styles = {}, images = {};
['a', 'b', 'c', 'd', 'deep', 'imported', 'late', 'preloaded'].forEach(function (n) { styles[n] = style.getPropertyValue('--' + n).trim(); });
['img', 'srcset', 'cors', 'picture', 'again'].forEach(function (n) { images[n] = document.getElementById(n).naturalWidth; });
images.again = images.again && /photo/.test(document.getElementById('again').src);
['audio', 'source'].forEach(function (n) { images[n] = document.getElementById(n).readyState > 0; });
return {
  trace: window.trace, modules: window.modules, free: window.free && window.free.slice().sort(), wrong: window.wrong,
  styles: styles, images: images, early: window.early, state: document.readyState, fallbacks: window.fallbacks,
  hrefs: ['svg', 'xlink', 'input', 'object', 'unplayable'].map(function (n) {
    var e = document.getElementById(n);
    return (e.getAttribute('href') || e.getAttribute('xlink:href') || e.getAttribute('src') || e.getAttribute('data'));
  })
};`;

const wait = ms => new Promise(resolve => setTimeout(resolve, ms));

/**
 * @param texts what is in dist/: the loader, the net, the beacon
 * @returns the two servers, with a log of the origin's requests and a switch that loses its assets.
 */
export async function startSite(texts) {
  const state = { asked: [], reports: [], assetsLost: false, jitter: 0 };
  let cdnBase;

  const origin = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://x');
    const [, first, second] = url.pathname.split('/');
    if (first === 'pages') { // /pages/VARIANT-FAULT.html
      const [variant, fault] = second.split('.')[0].split('-');
      const make = ORDERS.includes(variant) ? orderPage : ['plain', 'off', 'beacon'].includes(variant) ? plainPage : page;
      const { html, headers } = make(variant, cdnBase(fault), texts);
      response.writeHead(200, { ...headers, 'cache-control': 'no-store' });
      return response.end(html);
    }
    const path = url.pathname.slice(1);
    const { loader, net, beacon } = texts;
    const text = { 'net.js': net, 'net-with-beacon.js': beacon + net, 'whole.js': loader + net }[path];
    if (text) return response.writeHead(200, { 'content-type': types.js }).end(text);
    if (path === 'report') {
      let body = '';
      for await (const piece of request) body += piece;
      state.reports.push({ type: request.headers['content-type'], body: JSON.parse(body) });
      return response.writeHead(204).end();
    }
    state.asked.push(path);
    if (state.jitter) await wait(Math.random() * state.jitter);
    const bytes = state.assetsLost ? undefined : files.get(path);
    if (bytes === undefined) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': types[path.split('.').pop()], 'cache-control': 'no-store' });
    response.end(bytes);
  });

  const cdn = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://x');
    let [, fault, ...rest] = url.pathname.split('/');
    const path = rest.join('/');
    if (state.jitter) await wait(Math.random() * state.jitter);
    if (fault === 'mixed') fault = MIXED.test(url.pathname) ? '404' : 'ok';
    let bytes = files.get(path);
    const headers = {
      'content-type': types[path.split('.').pop()] ?? 'text/plain', 'access-control-allow-origin': '*', 'cache-control': 'no-store',
      'accept-ranges': 'none',
    };
    if (fault === 'silent') return;
    if (fault === 'reset') return request.socket.resetAndDestroy();
    if (fault === '404' || bytes === undefined) return response.writeHead(404, headers).end('gone');
    if (fault === '500') return response.writeHead(500, headers).end('broken');
    if (fault === 'html') return response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
    if (fault === 'noacao') delete headers['access-control-allow-origin'];
    // What has no integrity cannot be found tampered with: leave it.
    if (fault === 'tampered' && /\.(js|css)$/.test(path) && !/deep|imported/.test(path)) bytes = bytes + '\n/* changed */ window.trace && trace.push("tampered");';
    if (fault === 'cut') {
      response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(bytes) + 9 });
      response.write(bytes);
      return setTimeout(() => request.socket.destroy(), 5);
    }
    response.writeHead(200, headers);
    response.end(bytes);
  });

  const listen = (server, host) => new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, host, () => resolve(server.address().port));
  });
  const originPort = await listen(origin, '127.0.0.1');
  const cdnPort = await listen(cdn, 'localhost');
  // A port that was just given back: nobody listens there.
  const spare = createServer();
  const closedPort = await listen(spare, 'localhost');
  await new Promise(resolve => spare.close(resolve));

  cdnBase = fault => (fault === 'closed' ? `http://localhost:${closedPort}/` : `http://localhost:${cdnPort}/${fault}/`);
  return {
    state,
    cdnBase,
    origin: `http://127.0.0.1:${originPort}/`,
    close() {
      for (const server of [origin, cdn]) { server.closeAllConnections(); server.close(); }
    },
  };
}
