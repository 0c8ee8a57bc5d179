//! From words to SVG: a square of 1000 units with the name above, the headline, and small words below.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Card;
use super::motif;
use super::palette::{PALETTES, Palette};
use super::typeface::{self, DISPLAY, Ruler, SMALL, Style, escape};

/// The edge of the square.
pub(super) const EDGE: f32 = 1_000.0;

/// Room left free at each side. Networks cut pictures, and nobody reads to the edge.
pub(super) const MARGIN: f32 = 84.0;

/// Where a headline may stand, from top to bottom.
const TOP: f32 = 430.0;
const BOTTOM: f32 = 860.0;

/// Sizes of a headline that are tried, the largest first.
const SIZES: [f32; 10] = [150.0, 132.0, 116.0, 102.0, 90.0, 78.0, 68.0, 58.0, 48.0, 40.0];

/// Between two lines of a headline, as part of the size.
const LEADING: f32 = 1.04;

/// Size of the small words.
const SMALL_SIZE: f32 = 27.0;

/// The picture of a card.
pub(super) fn svg(card: &Card) -> String {
    let palette = palette(&card.seed);
    let headline = Headline::fit(&drawable(&card.headline, &card.name));
    let Palette { ground, ink, accent, .. } = *palette;
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {EDGE} {EDGE}" width="{EDGE}" height="{EDGE}"><rect width="{EDGE}" height="{EDGE}" fill="{ground}"/>"#
    );
    out.push_str(&motif::motif(palette, variant(&card.seed, card.number)));
    let name = shortened(&drawable(&card.name, ""), SMALL, EDGE - 2.0 * MARGIN - 60.0);
    let footer = shortened(&drawable(&card.footer, ""), SMALL, EDGE - 2.0 * MARGIN);
    let size = headline.size;
    let first = headline.first_line();
    out.push_str(&format!(
        r#"<rect x="{MARGIN}" y="{y}" width="72" height="10" rx="5" fill="{accent}"/>"#,
        y = first - size * 0.80 - 46.0
    ));
    for (at, line) in headline.lines.iter().enumerate() {
        let y = first + at as f32 * size * LEADING;
        out.push_str(&text(line, DISPLAY, size, MARGIN, y, ink));
    }
    out.push_str(&text(&footer, SMALL, SMALL_SIZE, MARGIN, 930.0, ink));
    out.push_str(&badge(&name, palette));
    out.push_str("</svg>");
    out
}

/// Whose picture it is, on a ground of its own so that it stands out from whatever is drawn there.
fn badge(name: &str, palette: &Palette) -> String {
    if name.is_empty() {
        return String::new();
    }
    let width = Ruler::new(SMALL).width(name) * SMALL_SIZE + 56.0;
    let (x, y) = (MARGIN, 72.0);
    let Palette { ground, ink, .. } = palette;
    let plate = format!(r#"<rect x="{x}" y="{y}" width="{width}" height="58" rx="29" fill="{ink}"/>"#);
    plate + &text(name, SMALL, SMALL_SIZE, x + 28.0, y + 38.5, ground)
}

fn text(words: &str, style: Style, size: f32, x: f32, y: f32, fill: &str) -> String {
    let Style { family, weight, spacing } = style;
    let spacing = spacing * size;
    format!(
        r#"<text x="{x}" y="{y}" font-family="{family}" font-weight="{weight}" font-size="{size}" letter-spacing="{spacing}" fill="{fill}">{}</text>"#,
        escape(words)
    )
}

/// A headline in the largest size in which it has room.
struct Headline {
    lines: Vec<String>,
    size: f32,
}

impl Headline {
    fn fit(words: &str) -> Self {
        let mut ruler = Ruler::new(DISPLAY);
        let room = EDGE - 2.0 * MARGIN;
        for size in SIZES {
            let lines = wrap(words, room / size, &mut ruler);
            let height = lines.len() as f32 * size * LEADING;
            let fits = lines.iter().all(|line| ruler.width(line) * size <= room);
            // A few words look lost in too many lines.
            if fits && height <= BOTTOM - TOP && lines.len() <= 4 {
                return Self { lines, size };
            }
        }
        Self::cut(words, ruler, room)
    }

    /// What does not fit in the smallest size is cut.
    fn cut(words: &str, mut ruler: Ruler, room: f32) -> Self {
        let size = SIZES[SIZES.len() - 1];
        let most = ((BOTTOM - TOP) / (size * LEADING)) as usize;
        let mut lines: Vec<String> = wrap(words, room / size, &mut ruler);
        if lines.len() > most {
            lines.truncate(most);
            if let Some(last) = lines.last_mut() {
                last.push('…');
            }
        }
        let lines = lines.iter().map(|line| shortened_to(line, &mut ruler, room / size)).collect();
        Self { lines, size }
    }

    /// The base line of its first line: it stands on the bottom of its room.
    fn first_line(&self) -> f32 {
        BOTTOM - (self.lines.len() as f32 - 1.0) * self.size * LEADING
    }
}

/// Breaks words into lines of at most `room` (at size 1). A word that is wider has a line of its own.
fn wrap(words: &str, room: f32, ruler: &mut Ruler) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        let longer = lines.last().map(|line| format!("{line} {word}"));
        match longer {
            Some(longer) if ruler.width(&longer) <= room => *lines.last_mut().unwrap_or(&mut String::new()) = longer,
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn shortened(words: &str, style: Style, room: f32) -> String {
    shortened_to(words, &mut Ruler::new(style), room / SMALL_SIZE)
}

/// `words`, or as much of them as has room.
fn shortened_to(words: &str, ruler: &mut Ruler, room: f32) -> String {
    let mut kept = words.to_owned();
    while ruler.width(&kept) > room && kept.chars().count() > 1 {
        let shorter: String = kept.chars().take(kept.chars().count() * 9 / 10).collect();
        kept = format!("{}…", shorter.trim_end_matches(|c: char| c == '…' || c.is_whitespace()));
    }
    kept
}

/// Without signs that no typeface here has; `or` where nothing is left.
fn drawable(words: &str, or: &str) -> String {
    let pictograph = |c: char| matches!(c, '\u{2600}'..='\u{27bf}' | '\u{fe00}'..='\u{fe0f}' | '\u{200b}'..='\u{200f}' | '\u{1f000}'..='\u{1ffff}' | '\u{e0000}'..);
    let kept: String = words.chars().filter(|c| !pictograph(*c)).collect();
    let kept = typeface::drawable(&kept);
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if kept.is_empty() { or.to_owned() } else { kept }
}

fn palette(seed: &str) -> &'static Palette {
    &PALETTES[hash(seed) as usize % PALETTES.len()]
}

/// Which drawing: another one for each post.
fn variant(seed: &str, number: u32) -> u64 {
    (hash(seed) >> 8).wrapping_add(number.into())
}

/// The same on every machine: `DefaultHasher::new` has fixed keys.
fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
