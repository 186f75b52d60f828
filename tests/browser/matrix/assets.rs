//! The files that the pages of the matrix name. All are longer than 2 KiB, so that a slow CDN is slow, and half a file is
//! no whole one; and each picture has a size of its own, so that one that took another's place is noticed.

use std::fs;
use std::path::Path;

/// A script's text by its name: it says that it ran.
const SCRIPTS: &[(&str, &str)] = &[
    ("blocking-1", "trace.push('blocking-1');"),
    ("blocking-2", "trace.push(trace.includes('blocking-1') ? 'blocking-2' : 'blocking-2 without 1');"),
    ("blocking-3", "trace.push('blocking-3');"),
    ("deferred-1", "trace.push('deferred-1');"),
    ("deferred-2", "trace.push(trace.includes('deferred-1') ? 'deferred-2' : 'deferred-2 without 1');"),
    ("deferred-3", "trace.push('deferred-3');"),
    ("local", "trace.push('local');"),
    ("async-1", "trace.push('async-1');"),
    ("async-2", "trace.push('async-2');"),
    ("module-1", "trace.push('module-1');"),
    ("module-2", "trace.push('module-2');"),
    ("importer", "import { name } from './dependency.js'; trace.push('importer of ' + name);"),
    (
        "dependency",
        "import { deep } from './deep.js'; trace.push('dependency'); export const name = 'one with ' + deep;",
    ),
    ("deep", "trace.push('deep'); export const deep = 'another';"),
    ("imported-1", "trace.push('imported-1'); export const name = 'imported-1';"),
    ("imported-2", "trace.push('imported-2'); export const name = 'imported-2';"),
    ("dynamic", "trace.push('dynamic'); import('./lazy.js').then(lazy => trace.push('then ' + lazy.name));"),
    ("lazy", "trace.push('lazy'); export const name = 'lazy';"),
    ("inserter", INSERTER),
    ("inserted", "trace.push('inserted');"),
    ("painter", PAINTER),
    ("preloaded", "trace.push('preloaded');"),
];

/// As webpack's runtime does it: from where the script itself came, with its nonce.
const INSERTER: &str = "trace.push('inserter');
const me = document.currentScript;
const next = document.createElement('script');
const url = new URL('inserted.js', me.src).href;
const policy = window.trustedTypes && trustedTypes.createPolicy('site', { createScriptURL: url => url });
next.src = policy ? policy.createScriptURL(url) : url;
next.nonce = me.nonce;
next.onload = () => trace.push('load of inserted');
next.onerror = () => trace.push('error of inserted');
document.documentElement.append(next);";

const PAINTER: &str = "trace.push('painter');
const picture = new Image();
picture.alt = 'made';
picture.src = new URL('../img/made.png', document.currentScript.src);
document.addEventListener('DOMContentLoaded', () => document.body.append(picture));";

const SHEETS: &[(&str, &str)] = &[
    ("base", "#cascade { color: rgb(1, 2, 3); width: 111px; height: 22px; }"),
    ("theme", "#cascade { color: rgb(4, 5, 6); height: 33px; }"),
    ("importing", "@import 'imported.css'; #imported { height: 44px; }"),
    ("imported", "#imported { color: rgb(7, 8, 9); height: 55px; width: 66px; }"),
    ("styled", "#styled { color: rgb(10, 11, 12); width: 77px; }"),
    (
        "font",
        "@font-face { font-family: Squares; src: url(../font/squares.ttf); }
#font { display: inline-block; font: 20px Squares; }",
    ),
    (
        "background",
        "#background { display: inline-block; } #background::before { content: url(../img/background.png); }",
    ),
    ("preloaded", "#preloaded { color: rgb(13, 14, 15); width: 88px; }"),
];

/// Pictures and how wide they are.
const PICTURES: &[(&str, usize)] = &[
    ("plain", 51),
    ("lazy", 52),
    ("small", 53),
    ("large", 54),
    ("source", 55),
    ("unused", 56),
    ("made", 57),
    ("vector", 58),
    ("background", 59),
    ("preloaded", 60),
];

/// Writes all of them below `dir`.
pub(crate) fn write(dir: &Path) {
    let put = |path: String, bytes: Vec<u8>| {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, bytes).expect("a file");
    };
    let long = |text: &str| format!("{text}\n/* {} */\n", "so that it is long ".repeat(120)).into_bytes();
    for (name, text) in SCRIPTS {
        put(format!("js/{name}.js"), long(text));
    }
    for (name, text) in SHEETS {
        put(format!("css/{name}.css"), long(text));
    }
    for (name, width) in PICTURES {
        put(format!("img/{name}.png"), picture(*width));
    }
    put("media/beep.wav".to_owned(), sound());
    put("font/squares.ttf".to_owned(), super::font::squares());
}

/// Grey noise, as PNG: `width` pixels wide and high.
fn picture(width: usize) -> Vec<u8> {
    let mut noise: u32 = 1;
    let mut pixel = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        noise.to_be_bytes()[0]
    };
    // A line begins with its filter: none.
    let lines: Vec<u8> =
        (0..width).flat_map(|_| [0].into_iter().chain((0..width).map(|_| pixel())).collect::<Vec<_>>()).collect();
    let side = u32::try_from(width).expect("a small picture").to_be_bytes();
    // 8 bits of grey.
    let header = [&side[..], &side, &[8, 0, 0, 0, 0]].concat();
    let pieces = [chunk(*b"IHDR", &header), chunk(*b"IDAT", &stored(&lines)), chunk(*b"IEND", &[])];
    [&b"\x89PNG\r\n\x1a\n"[..], &pieces.concat()].concat()
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("a short chunk").to_be_bytes();
    let body = [&kind[..], data].concat();
    [&length[..], &body, &crc32(&body).to_be_bytes()].concat()
}

/// A zlib stream of one block that is not compressed (RFC 1950 and 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).expect("a short block");
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    let start = [&[0x78, 0x01, 1][..], &length.to_le_bytes(), &(!length).to_le_bytes()].concat();
    [&start[..], bytes, &(high << 16 | low).to_be_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

/// Half a second of silence, as WAV: 8 bits, 8 kHz, one channel.
fn sound() -> Vec<u8> {
    let samples = [128; 4000];
    let number = |number: u32| number.to_le_bytes();
    let format = [&number(16)[..], &[1, 0, 1, 0], &number(8000), &number(8000), &[1, 0, 8, 0]].concat();
    let [size, length] = [4036, 4000].map(number);
    [&b"RIFF"[..], &size, b"WAVEfmt ", &format, b"data", &length, &samples].concat()
}
