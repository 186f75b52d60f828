// What became of the page, as one value that can be compared. The script that asks passes no arguments.
const style = (id, property) => getComputedStyle(document.getElementById(id))[property];
const background = new Image();
background.src = style('background', 'backgroundImage').replace(/^url\("|"\)$/g, '');

// An async script runs whenever it has arrived: how often it ran counts, not when.
const ordered = trace.filter(entry => entry != 'async');
return {
  settled: document.readyState == 'complete',
  trace: ordered,
  async: trace.length - ordered.length,
  cascade: style('cascade', 'color') + ' ' + style('cascade', 'width'),
  imported: style('imported', 'color') + ' ' + style('imported', 'height'),
  // Complete at once only when the page itself has loaded it.
  background: background.complete ? background.naturalWidth : 0,
  images: [...document.images].map(image => image.alt + ' ' + (image.complete ? image.naturalWidth : 0)),
  drawn,
  made: document.documentElement.dataset.made,
};
