// Writes the sources of a VitePress site: pages in sections that link to each other, with images, code and a sidebar.
//
//   node benches/vitepress-pages.mjs DIR [PAGES]
//
// The same arguments always give the same bytes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const [root, count = '400'] = process.argv.slice(2);
const pages = Number(count);
if (!root || !Number.isInteger(pages) || pages < 1) {
  console.error('usage: node benches/vitepress-pages.mjs DIR [PAGES]');
  process.exit(2);
}

const SECTIONS = 20; // directories that the pages are spread over
const HEADINGS = 8; // on each page
const IN_SIDEBAR = 60; // pages; the sidebar is written into every page

const LOREM = 'Lorem ipsum dolor sit amet, consectetur adipiscing elit. '.repeat(8).trim();

function write(path, text) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** Where page `number` is on the site; after the last comes the first. */
function address(number) {
  const page = number % pages;
  return `/guide/section-${page % SECTIONS}/page-${page}`;
}

function picture(number) {
  return `/images/picture-${number % SECTIONS}.svg`;
}

function svg(hue) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">` +
    `<rect width="40" height="40" fill="hsl(${hue} 60% 50%)"/></svg>\n`;
}

function part(page, heading) {
  return `## Part ${heading}

${LOREM}

Read [the next page](${address(page + 1)}) or [one further on](${address(page + heading + 2)}).

\`\`\`js
export const start = ${page};
export function step(x) {
  return x + ${heading};
}
\`\`\`
`;
}

function page(number) {
  const parts = Array.from({ length: HEADINGS }, (_, heading) => part(number, heading));
  return `# Page ${number}

![The logo](/images/logo.svg)
![A picture](${picture(number)})

${parts.join('\n')}`;
}

const home = `---
layout: home
hero:
  name: Generated
  tagline: ${pages} pages
  image: /images/logo.svg
  actions:
    - text: Read
      link: ${address(0)}
---
`;

const numbers = Array.from({ length: pages }, (_, number) => number);
const config = {
  title: 'Generated',
  themeConfig: {
    logo: '/images/logo.svg',
    sidebar: [{
      text: 'Guide',
      items: numbers.slice(0, IN_SIDEBAR).map(number => ({ text: `Page ${number}`, link: address(number) })),
    }],
  },
};

write('.vitepress/config.mjs', `export default ${JSON.stringify(config, null, 2)};\n`);
write('public/images/logo.svg', svg(210));
for (let number = 0; number < SECTIONS; number++) write(`public${picture(number)}`, svg(number * 18));
write('index.md', home);
for (const number of numbers) write(`${address(number)}.md`, page(number));
