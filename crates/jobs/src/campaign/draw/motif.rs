//! What is drawn above the words: simple shapes in the campaign's colours.

use super::palette::Palette;

/// One of the drawings. They keep to the upper half, and to the right where the name stands on the left.
pub(super) fn motif(palette: &Palette, variant: u64) -> String {
    match variant % 6 {
        0 => suns(palette),
        1 => arches(palette),
        2 => blocks(palette),
        3 => waves(palette),
        4 => dots(palette),
        _ => leaves(palette),
    }
}

fn suns(Palette { accent, second, third, .. }: &Palette) -> String {
    format!(
        r#"<circle cx="720" cy="205" r="235" fill="{second}"/><circle cx="838" cy="150" r="150" fill="{accent}"/><circle cx="545" cy="300" r="58" fill="{third}"/>"#
    )
}

fn arches(Palette { accent, second, third, .. }: &Palette) -> String {
    let arch = |x: f32, width: f32, colour: &str| {
        let (radius, right) = (width / 2.0, x + width);
        format!(
            r#"<path d="M{x} 390 V{top} A{radius} {radius} 0 0 1 {right} {top} V390 Z" fill="{colour}"/>"#,
            top = 60.0 + radius
        )
    };
    arch(470.0, 220.0, second) + &arch(700.0, 220.0, accent) + &arch(755.0, 110.0, third)
}

fn blocks(Palette { accent, second, third, .. }: &Palette) -> String {
    let quarter = |x: f32, y: f32, edge: f32, colour: &str| {
        format!(r#"<path d="M{x} {y} h{edge} a{edge} {edge} 0 0 1 -{edge} {edge} Z" fill="{colour}"/>"#)
    };
    let square = |x: f32, y: f32, edge: f32, colour: &str| {
        format!(r#"<rect x="{x}" y="{y}" width="{edge}" height="{edge}" fill="{colour}"/>"#)
    };
    [
        square(640.0, 0.0, 180.0, second),
        quarter(820.0, 0.0, 180.0, accent),
        quarter(640.0, 180.0, 180.0, third),
        square(820.0, 180.0, 180.0, second),
        quarter(820.0, 180.0, 180.0, accent),
        quarter(460.0, 0.0, 180.0, second),
    ]
    .concat()
}

fn waves(Palette { accent, second, third, .. }: &Palette) -> String {
    let wave = |y: f32, colour: &str| {
        format!(
            r#"<path d="M420 {y} q72 -90 145 0 t145 0 t145 0 t145 0 t145 0" fill="none" stroke="{colour}" stroke-width="34" stroke-linecap="round"/>"#
        )
    };
    wave(110.0, second) + &wave(205.0, accent) + &wave(300.0, third)
}

fn dots(Palette { accent, second, third, .. }: &Palette) -> String {
    let mut out = String::new();
    for row in 0..5_u8 {
        for column in 0..7_u8 {
            let colour = match (row * 3 + column * 5) % 7 {
                0 | 3 => accent,
                1 => third,
                _ => second,
            };
            let radius = 14.0 + f32::from((row + column) % 4) * 6.0;
            let (x, y) = (476.0 + f32::from(column) * 80.0, 70.0 + f32::from(row) * 78.0);
            out.push_str(&format!(r#"<circle cx="{x}" cy="{y}" r="{radius}" fill="{colour}"/>"#));
        }
    }
    out
}

fn leaves(Palette { accent, second, third, .. }: &Palette) -> String {
    let leaf = |x: f32, y: f32, turn: f32, colour: &str| {
        format!(
            r#"<path transform="translate({x} {y}) rotate({turn})" d="M0 0 C60 -130 200 -150 290 -60 C220 60 90 80 0 0 Z" fill="{colour}"/>"#
        )
    };
    leaf(560.0, 330.0, -52.0, second) + &leaf(610.0, 340.0, -12.0, accent) + &leaf(660.0, 350.0, 24.0, third)
}
