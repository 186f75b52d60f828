//! A font of one glyph, made here, because a browser loads nothing that is not one.

/// How wide the glyph is, in units of which 1,000 make the font's size: wider than a letter of any other font.
const ADVANCE: u16 = 2000;

/// A TrueType font in which every letter from `a` to `z` is a square (OpenType 1.9, chapter "Required Tables").
pub(crate) fn squares() -> Vec<u8> {
    let glyph = glyph();
    let length = u16::try_from(glyph.len()).expect("a short glyph");
    let mut tables = vec![
        (*b"OS/2", os2()),
        (*b"cmap", words(&cmap())),
        (*b"glyf", glyph),
        (*b"head", head()),
        (*b"hhea", words(&[1, 0, 1000, 0, 0, ADVANCE, 0, 0, 1000, 1, 0, 0, 0, 0, 0, 0, 0, 2])),
        // Two glyphs: the one for what is missing, which is empty, and the square.
        (*b"hmtx", words(&[ADVANCE, 0, ADVANCE, 0])),
        (*b"loca", words(&[0, 0, length / 2])),
        (*b"maxp", words(&[1, 0, 2, 4, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])),
        (*b"name", name()),
        (*b"post", [words(&[3, 0]), vec![0; 28]].concat()),
    ];
    // A table that no one reads, so that the file is long.
    tables.push((*b"zzzz", vec![0; 3000]));
    assemble(&tables)
}

/// The file: the directory, then the tables, each on a multiple of four bytes.
fn assemble(tables: &[([u8; 4], Vec<u8>)]) -> Vec<u8> {
    let count = u16::try_from(tables.len()).expect("few tables");
    let power = count.ilog2();
    let range = 16 << power;
    let entry = u16::try_from(power).expect("a small number");
    let mut directory = words(&[1, 0, count, range, entry, count * 16 - range]);
    let mut body = Vec::new();
    let start = directory.len() + 16 * tables.len();
    for (tag, table) in tables {
        directory.extend(tag);
        for number in [checksum(table), at(start + body.len()), at(table.len())] {
            directory.extend(number.to_be_bytes());
        }
        body.extend(table);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    [directory, body].concat()
}

fn at(offset: usize) -> u32 {
    u32::try_from(offset).expect("a small file")
}

fn checksum(table: &[u8]) -> u32 {
    let word = |four: &[u8]| {
        let mut bytes = [0; 4];
        bytes[..four.len()].copy_from_slice(four);
        u32::from_be_bytes(bytes)
    };
    table.chunks(4).fold(0, |sum: u32, four| sum.wrapping_add(word(four)))
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// One contour of four points on the curve, each as two words.
fn glyph() -> Vec<u8> {
    let outline = [1, 0, 0, 1000, 1000, 3, 0];
    let points = [&[1; 4][..], &words(&[0, 0, 1000, 0]), &words(&[0, 1000, 0, 0_u16.wrapping_sub(1000)])];
    [words(&outline), points.concat()].concat()
}

fn head() -> Vec<u8> {
    let start = words(&[1, 0, 1, 0, 0, 0, 0x5f0f, 0x3cf5, 3, 1000]);
    // Made and changed, the bounds, no style, 8 pixels at least, left to right, short offsets.
    [start, vec![0; 16], words(&[0, 0, 1000, 1000, 0, 8, 2, 0, 0])].concat()
}

/// Unicode, format 4: `a` to `z` lead to one glyph each, by a list of them.
fn cmap() -> Vec<u16> {
    let (first, last) = (u16::from(b'a'), u16::from(b'z'));
    let segments = [last, 0xffff, 0, first, 0xffff, 0, 1, 4, 0];
    let header = [4, 2 * (7 + 9 + 26), 0, 4, 4, 1, 0];
    [&[0, 1, 3, 1, 0, 12][..], &header, &segments, &[1; 26]].concat()
}

fn os2() -> Vec<u8> {
    let mut table = words(&[4, ADVANCE, 400, 5]);
    table.resize(62, 0);
    // Regular, from `a` to `z`, and the heights of lines.
    table.extend(words(&[0x40, u16::from(b'a'), u16::from(b'z'), 1000, 0, 0, 1000, 0]));
    table.resize(96, 0);
    table
}

/// Its family, as Windows wants it: UTF-16.
fn name() -> Vec<u8> {
    let text: Vec<u16> = "Squares".encode_utf16().collect();
    let length = u16::try_from(text.len() * 2).expect("a short name");
    words(&[&[0, 1, 18, 3, 1, 0x409, 1, length, 0][..], &text].concat())
}
