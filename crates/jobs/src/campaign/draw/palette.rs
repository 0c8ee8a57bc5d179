//! Colours that go together.

/// The colours of a campaign, as CSS has them.
pub(super) struct Palette {
    pub(super) ground: &'static str,
    /// Of the headline.
    pub(super) ink: &'static str,
    pub(super) accent: &'static str,
    pub(super) second: &'static str,
    pub(super) third: &'static str,
}

const fn palette(
    ground: &'static str,
    ink: &'static str,
    accent: &'static str,
    second: &'static str,
    third: &'static str,
) -> Palette {
    Palette { ground, ink, accent, second, third }
}

/// On each of them the ink has a contrast of 7 or more to the ground (WCAG AAA), and the accent 3 or more.
pub(super) const PALETTES: &[Palette] = &[
    palette("#10233f", "#fdf6e9", "#ff7a59", "#2f5d8c", "#f2c14e"),
    palette("#fbf3e4", "#26211c", "#c8452c", "#f0b35a", "#3c7a6b"),
    palette("#0f3d3e", "#f3f7ee", "#f2b84b", "#1f6f6b", "#e66f5c"),
    palette("#f1f0fb", "#1f1a44", "#5b3fd6", "#b9aef5", "#ff8fa3"),
    palette("#2b1a35", "#fff1f3", "#ff6f91", "#5c3c74", "#ffc75f"),
    palette("#eef6f1", "#12312a", "#0b7d5c", "#a8dcc1", "#f4a259"),
    palette("#1c1c1f", "#f7f7f2", "#e8c547", "#4a4a52", "#6fb6c9"),
    palette("#fdeee7", "#3a1420", "#b3224c", "#f7b59c", "#355c7d"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.03928 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
        one.max(other) / one.min(other)
    }

    #[test]
    fn words_are_legible_on_every_ground() {
        for Palette { ground, ink, accent, .. } in PALETTES {
            assert!(contrast(ground, ink) >= 7.0, "{ground} {ink}: {}", contrast(ground, ink));
            assert!(contrast(ground, accent) >= 3.0, "{ground} {accent}: {}", contrast(ground, accent));
        }
    }
}
