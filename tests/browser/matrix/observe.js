// The first script of every page of the matrix: what runs writes itself into `trace`, and `observe` says what the page is.
// It must mean the same in XHTML: neither less-than sign nor ampersand.
window.trace = [];
window.wrong = [];
// Of the window alone: what happens to elements is what the net is there for.
window.addEventListener('error', event => {
  if (event.target == window) wrong.push('uncaught: ' + event.message);
});
window.addEventListener('unhandledrejection', event => wrong.push('unhandled: ' + event.reason));
// On the document, so that it hears what the page's own scripts hear.
document.addEventListener('DOMContentLoaded', () => trace.push('DOMContentLoaded'));

window.observe = () => {
  const all = (selector, tell) => [...document.querySelectorAll(selector)].map(tell);
  const style = element => {
    const { color, width, height } = getComputedStyle(element);
    return [element.id, color, width, height].join(' ');
  };
  return {
    complete: document.readyState == 'complete',
    trace,
    wrong,
    styles: all('p', style),
    images: all('img', image => image.alt + ' ' + (image.complete ? image.naturalWidth : 0)),
    drawings: all('image', image => image.id + ' ' + Math.round(image.getBBox().width)),
    videos: all('video', video => video.id + ' ' + (video.readyState ? video.duration : 0)),
    fonts: [...document.fonts].map(font => font.family + ' ' + font.status),
  };
};
// The page around a sandboxed frame asks.
window.addEventListener('message', event => event.source.postMessage(observe(), '*'));
