// Minifies src/net.js into dist/net.min.js.
//
//   node build.mjs           writes the file
//   node build.mjs --check   fails if the committed file is not what the source gives
//
// terser, because its transformations can be told one by one: those that turn `if (a) b` into
// `a && b` are off, so that the text needs no escaping in XHTML.

import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';

const source = new URL('src/net.js', import.meta.url);
const target = new URL('dist/net.min.js', import.meta.url);
const LIMIT = 4096;

/** What would end or disturb the text inside a page. */
const FORBIDDEN = [/<\/script/i, /<!--/, /<script/i, /[<&]/, /]]>/, /[^\x20-\x7e]/];

export async function build() {
  const { code } = await minify(await readFile(source, 'utf8'), {
    ecma: 2017,
    compress: {
      ecma: 2017,
      passes: 3,
      unsafe_arrows: true,
      conditionals: false,
      comparisons: false,
      if_return: false,
      booleans_as_integers: true,
      negate_iife: false,
    },
    mangle: true,
    format: { ascii_only: true, comments: false, inline_script: true, ecma: 2017 },
  });
  for (const pattern of FORBIDDEN) {
    const found = pattern.exec(code);
    if (found) throw new Error(`the minified text holds ${pattern}: ...${code.slice(Math.max(0, found.index - 40), found.index + 40)}...`);
  }
  if (code.length > LIMIT) throw new Error(`the minified text has ${code.length} bytes, the limit is ${LIMIT}`);
  return code;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const code = await build();
  if (process.argv.includes('--check')) {
    if (await readFile(target, 'utf8').catch(() => null) !== code) {
      console.error('dist/net.min.js is stale: run "node build.mjs" and commit the result');
      process.exit(1);
    }
  } else {
    await writeFile(target, code);
  }
  console.log(`dist/net.min.js: ${code.length} bytes, ${gzipSync(code).length} with gzip`);
}
