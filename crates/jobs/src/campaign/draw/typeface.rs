//! The typefaces, and how wide words are in them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use resvg::usvg::fontdb::{Database, Source};
use resvg::usvg::{Node, Options, Tree};

/// Two cuts of Inter (SIL Open Font License), so that pictures look the same on every machine.
const BUNDLED: [&[u8]; 2] = [
    include_bytes!("../../../assets/fonts/InterDisplay-ExtraBold.otf"),
    include_bytes!("../../../assets/fonts/Inter-Medium.otf"),
];

/// For headlines.
pub(super) const DISPLAY: Style = Style { family: "Inter Display", weight: 800, spacing: -0.022 };

/// For small words.
pub(super) const SMALL: Style = Style { family: "Inter", weight: 500, spacing: 0.01 };

/// How words look, at any size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) family: &'static str,
    pub(super) weight: u16,
    /// Between letters, as part of the size.
    pub(super) spacing: f32,
}

/// How `text` is to be drawn: with the bundled typefaces, or with those of the system where the bundled ones have no such letters.
pub(super) fn options(text: &str) -> Options<'static> {
    let fontdb = if text.chars().all(is_bundled) { &*OURS } else { &*EVERYBODYS };
    Options { fontdb: fontdb.clone(), font_family: SMALL.family.to_owned(), ..Options::default() }
}

static OURS: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(bundled()));

static EVERYBODYS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = bundled();
    fonts.load_system_fonts();
    Arc::new(fonts)
});

fn bundled() -> Database {
    let mut fonts = Database::new();
    for bytes in BUNDLED {
        fonts.load_font_source(Source::Binary(Arc::new(bytes)));
    }
    fonts
}

/// `text` without the letters that no typeface here has.
pub(super) fn drawable(text: &str) -> String {
    if text.chars().all(is_bundled) {
        return text.to_owned();
    }
    let Some(tree) = laid_out(text, DISPLAY) else { return String::new() };
    let texts = tree.root().children().iter().filter_map(|node| match node {
        Node::Text(text) => Some(text),
        _ => None,
    });
    let glyphs = texts.flat_map(|text| text.layouted()).flat_map(|span| &span.positioned_glyphs);
    // The first glyph of every typeface stands for letters that it does not have.
    let missing: String = glyphs.filter(|glyph| glyph.id.0 == 0).map(|glyph| glyph.text.as_str()).collect();
    text.chars().filter(|letter| letter.is_whitespace() || !missing.contains(*letter)).collect()
}

/// Whether the bundled typefaces have the letter: Latin, Greek, Cyrillic and what goes between words.
fn is_bundled(letter: char) -> bool {
    matches!(letter, '\u{20}'..='\u{24f}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{45f}' | '\u{1e00}'..='\u{1eff}'
        | '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{203a}' | '€' | '™' | '→')
}

/// Measures words, each of them once.
pub(super) struct Ruler {
    style: Style,
    widths: HashMap<String, f32>,
}

impl Ruler {
    pub(super) fn new(style: Style) -> Self {
        Self { style, widths: HashMap::new() }
    }

    /// The width of `text` at size 1.
    pub(super) fn width(&mut self, text: &str) -> f32 {
        if let Some(width) = self.widths.get(text) {
            return *width;
        }
        let width = measure(text, self.style);
        self.widths.insert(text.to_owned(), width);
        width
    }
}

/// Large enough that rounding does not count.
const MEASURED_SIZE: f32 = 100.0;

fn measure(text: &str, style: Style) -> f32 {
    let widest =
        |tree: &Tree| tree.root().children().iter().map(|node: &Node| node.bounding_box().width()).fold(0.0, f32::max);
    // What cannot be drawn takes no room.
    laid_out(text, style).map_or(0.0, |tree| widest(&tree)) / MEASURED_SIZE
}

fn laid_out(text: &str, style: Style) -> Option<Tree> {
    let Style { family, weight, spacing } = style;
    let (letters, spacing) = (escape(text), spacing * MEASURED_SIZE);
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><text font-family="{family}" font-weight="{weight}" font-size="{MEASURED_SIZE}" letter-spacing="{spacing}">{letters}</text></svg>"#
    );
    Tree::from_str(&svg, &options(text)).ok()
}

/// Text as it stands in SVG.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // No XML document may hold these.
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
