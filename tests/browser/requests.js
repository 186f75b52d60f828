// What became of the page and of the documents in it, as one value that can be compared.
const looked = doc => {
  const roots = [doc, ...[...doc.querySelectorAll('*')].map(element => element.shadowRoot).filter(root => root)];
  const all = names => roots.flatMap(root => [...root.querySelectorAll(names)]);
  const properties = [...doc.documentElement.computedStyleMap().keys()].filter(name => name.startsWith('--'));
  return {
    // In which order is told by other tests.
    trace: [...doc.defaultView.trace ?? []].sort(),
    sheets: properties.sort(),
    images: all('img, image:not(svg *), input[type=image]').map(image => `${image.id} ${image.naturalWidth ?? image.width}`),
    media: all('video, audio').map(media => `${media.id} ${media.readyState > 1}`),
    tracks: all('track').map(track => track.readyState),
    frames: all('iframe').map(frame => frame.contentDocument ? looked(frame.contentDocument) : null),
  };
};
return {
  ...looked(document),
  complete: document.readyState == 'complete',
  entries: performance.getEntriesByType('resource').length,
};
