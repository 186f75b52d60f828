// Minifies src/NAME.js into dist/NAME.min.js, for each NAME of LIMITS.
//
//   node build.mjs           writes the files
//   node build.mjs --check   fails if a committed file is not what its source gives
//
// terser, because its transformations can be told one by one: those that turn `if (a) b` into
// `a && b` are off, so that the text needs no escaping in XHTML.

import { readFile, writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { minify } from 'terser';

/** Most bytes of each minified text. */
const LIMITS = { loader: 1984, hang: 1408, register: 640, net: 5120, rescue: 4096, beacon: 640, 'service-worker': 4096, retired: 320 };

const read = path => readFile(new URL(path, import.meta.url), 'utf8');
const { version } = JSON.parse(await read('package.json'));

/** What stands in pages, HTML or XHTML; the others are files. */
const INLINE = ['loader', 'hang', 'register'];

/** What would end or disturb a text inside a page, and what might be read wrongly in a file. */
const FORBIDDEN = name => INLINE.includes(name) ? [/[<&]/, /]]>/, /[^\x20-\x7e]/] : [/[^\x20-\x7e]/];

export async function build(name) {
  const { code } = await minify(await read(`src/${name}.js`), {
    ecma: 2017,
    compress: {
      ecma: 2017,
      global_defs: { VERSION: version },
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
  for (const pattern of FORBIDDEN(name)) {
    const found = pattern.exec(code);
    if (found) throw new Error(`the minified ${name} holds ${pattern}: ...${code.slice(Math.max(0, found.index - 40), found.index + 40)}...`);
  }
  if (code.length > LIMITS[name]) throw new Error(`the minified ${name} has ${code.length} bytes, the limit is ${LIMITS[name]}`);
  return code;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const name of Object.keys(LIMITS)) {
    const code = await build(name);
    const path = `dist/${name}.min.js`;
    if (!process.argv.includes('--check')) await writeFile(new URL(path, import.meta.url), code);
    else if (await read(path).catch(() => null) !== code) {
      console.error(`${path} is stale: run "node build.mjs" and commit the result`);
      process.exit(1);
    }
    console.log(`${path}: ${code.length} bytes, ${gzipSync(code).length} with gzip`);
  }
}
