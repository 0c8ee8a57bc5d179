//! Tells whether a text nests too deeply for tree-sitter.
//!
//! A parser keeps everything that is open on a stack: brackets, and operators whose right side is still to come. When
//! the text ends with a deep stack, tree-sitter repairs it with time and memory that grow with the square of the depth
//! or worse, and in that it looks at no flag: 8 KiB of `x=>x=>…` cost Java's grammar 4 s and 2.5 GB, 64 KiB of `((((…`
//! cost every grammar 6 s. So such texts are kept from it. This looks at bytes, not at tokens, and does not find every
//! hostile text; [`super::isolate`] is for those.

/// Brackets that are open at once. In 63,000 source files of eleven languages 99.9 % had no more than 207,
/// and none more than 510.
const MAX_BRACKETS: usize = 300;

/// Operators since the last end of a statement. In those files 99 % of every language stay below, but for JavaScript,
/// where it is 98 %: the rest is minified.
const MAX_OPERATORS: usize = 1500;

/// How the lines of a language bear on statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lines {
    /// A statement may go on for many lines.
    Free,
    /// As `Free`, but a line that begins with `#` is for itself: it neither ends a statement nor belongs to one.
    Directives,
    /// A line end is the end of a statement, but not within brackets or after a backslash.
    Statements,
}

/// Whether `text` is so deep, by brackets or by operators, that it should not be parsed.
pub(crate) fn is_too_deep(text: &str, lines: Lines) -> bool {
    let (mut brackets, mut operators) = (0usize, 0usize);
    for line in text.lines() {
        let start = line.trim_start();
        if start.starts_with("//") && lines != Lines::Statements {
            continue;
        }
        let outside = operators;
        for byte in line.bytes() {
            match byte {
                b'(' | b'[' | b'{' => brackets += 1,
                b')' | b']' | b'}' => brackets = brackets.saturating_sub(1),
                b'<' | b'>' | b'=' | b'?' | b':' | b'!' | b'*' | b'&' | b'|' | b'+' | b'-' | b'~' | b'@' => {
                    operators += 1;
                }
                _ => {}
            }
            if matches!(byte, b';' | b'{' | b'}') {
                operators = 0;
            }
            if brackets > MAX_BRACKETS || operators > MAX_OPERATORS {
                return true;
            }
        }
        match lines {
            Lines::Statements if brackets == 0 && !line.ends_with('\\') => operators = 0,
            Lines::Directives if start.starts_with('#') => operators = outside,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth() {
        let (deep, flat) = (true, false);
        let cases = [
            ("(".repeat(400), Lines::Free, deep),
            ("()".repeat(400), Lines::Free, flat),
            ("a = [\n".repeat(400), Lines::Statements, deep),
            ("x=>".repeat(1000), Lines::Free, deep),
            ("x=>\n".repeat(1000), Lines::Free, deep),
            ("x = y + 1\n".repeat(5000), Lines::Statements, flat),
            (format!("({}", "-\n".repeat(5000)), Lines::Statements, deep),
            ("-\\\n".repeat(5000), Lines::Statements, deep),
            ("x = y + 1;\n".repeat(5000), Lines::Free, flat),
            ("// ---------------- <x> ----------\n".repeat(1000), Lines::Free, flat),
            ("#define X a<b\n".repeat(5000), Lines::Directives, flat),
            ("#define X\na<\n".repeat(5000), Lines::Directives, deep),
            (format!("#if {}", "!".repeat(5000)), Lines::Directives, deep),
        ];
        for (text, lines, expect) in cases {
            assert_eq!(is_too_deep(&text, lines), expect, "{} {lines:?}", &text[..20]);
        }
    }
}
