import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const at = path => new URL(`../${path}`, import.meta.url);
const texts = Object.fromEntries(['loader', 'net', 'beacon'].map(name => [name, readFileSync(at(`dist/${name}.min.js`), 'utf8')]));

test('the committed files are what the sources give', () => {
  execFileSync(process.execPath, [at('build.mjs').pathname, '--check'], { stdio: 'pipe' });
});

test('the loader can stand in HTML and in XHTML as it is, and others may follow each', () => {
  assert.doesNotMatch(texts.loader, /[<&]|]]>/);
  for (const text of Object.values(texts)) assert.match(text, /^[\x20-\x7e]+;$/, 'plain ASCII on one line, without a line end');
});

test('the texts are small', () => {
  for (const [name, limit] of Object.entries({ loader: 1984, net: 5120, beacon: 640 })) {
    assert.ok(texts[name].length <= limit, `${name}: ${texts[name].length} bytes`);
  }
});

test('the lock file names no registry', () => {
  const lock = JSON.parse(readFileSync(at('package-lock.json'), 'utf8'));
  for (const [name, entry] of Object.entries(lock.packages)) assert.equal(entry.resolved, undefined, name);
});
