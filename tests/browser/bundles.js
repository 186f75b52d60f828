// The page, line by line, in which a URL tells the file, not the home or the published name. The script that asks
// passes the bases of both homes, and the original names by the published ones.
const [homes, originals] = arguments;

const path = value => {
  const { href } = new URL(value, document.baseURI);
  const home = homes.find(home => href.startsWith(home));
  if (home === undefined) return href;
  const name = href.slice(home.length);
  return `/${originals[name] ?? name}`;
};

// Put in or added by the build, or by the net.
const isAdded = name => name == 'integrity' || name == 'crossorigin' || name.startsWith('data-tightrope');
const isUrl = name => name == 'src' || name == 'href';

// What an import map says, once for both homes. Its `integrity` is added; so are addresses without a name, and with
// them the whole map where the page has none.
const mapped = text => {
  const { imports = {}, scopes = {} } = JSON.parse(text);
  const told = (map, scope) => Object.entries(map).map(([name, url]) => `${scope}${name} ${path(url)}`);
  const within = scope => path(scope) == '/' ? '' : `${path(scope)} `;
  const inScopes = Object.entries(scopes).flatMap(([scope, map]) => told(map, within(scope)));
  const named = [...told(imports, ''), ...inScopes].filter(line => !/^(https?:|[./])/.test(line));
  return [...new Set(named)].sort();
};

const lines = (node, indent = '') => {
  if (node.nodeType == Node.TEXT_NODE) return [indent + JSON.stringify(node.data)];
  if (node.nodeType != Node.ELEMENT_NODE || node.matches('[data-tightrope=net], [data-tightrope=twin]')) return [];
  const attributes = [...node.attributes].filter(({ name }) => !isAdded(name));
  const told = attributes.map(({ name, value }) => ` ${name}=${isUrl(name) ? path(value) : value}`).sort();
  const isMap = node.matches('script[type=importmap]');
  const inside = isMap ? mapped(node.text) : [...node.childNodes].flatMap(child => lines(child, `${indent}  `));
  return isMap && !inside.length ? [] : [indent + node.localName + told.join(''), ...inside];
};

return {
  // With the sheet: in WebKit the event at which the app begins does not wait for one that the net has mended.
  settled: document.documentElement.dataset.settled == 'true' && getComputedStyle(document.querySelector('h1')).color != 'rgb(0, 0, 0)',
  evaluated: globalThis.evaluated ?? [],
  dom: lines(document.documentElement),
};
