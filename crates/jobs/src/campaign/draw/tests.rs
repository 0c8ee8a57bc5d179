use std::io::Cursor;

use resvg::usvg::{Node, Tree};

use super::*;

fn card(headline: &str, number: u32, seed: &str) -> Card {
    Card {
        name: "Luna Bakery".to_owned(),
        headline: headline.to_owned(),
        footer: "#LunaBakery  #Sourdough".to_owned(),
        number,
        seed: seed.to_owned(),
    }
}

const HEADLINES: &[&str] = &[
    "Hi",
    "Meet Luna Bakery",
    "What does sourdough mean to you?",
    "A headline that goes on and on, as models like to write them, until nobody knows any more how it began or why it should end",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "Ψωμί και καφές κάθε πρωί",
    "Хлеб каждое утро",
    "<b>\"Fish\" & 'chips'</b>",
    "🥐 Croissants 🥐",
    "🥐",
    "面包和咖啡",
];

fn boxes(node: &Node, out: &mut Vec<(f32, f32, f32, f32)>) {
    match node {
        Node::Text(text) => {
            let found = text.abs_bounding_box();
            out.push((found.left(), found.top(), found.right(), found.bottom()));
        }
        Node::Group(group) => group.children().iter().for_each(|child| boxes(child, out)),
        _ => {}
    }
}

#[test]
fn words_stay_inside_and_apart() {
    for headline in HEADLINES {
        let svg = layout::svg(&card(headline, 1, "seed"));
        let tree = Tree::from_str(&svg, &typeface::options(&svg)).unwrap();
        let mut found = Vec::new();
        tree.root().children().iter().for_each(|child| boxes(child, &mut found));
        assert!(found.len() >= 3, "{headline}: {} texts", found.len());
        for (left, top, right, bottom) in &found {
            let inside = *left >= layout::MARGIN - 12.0 && *right <= layout::EDGE - layout::MARGIN + 12.0;
            assert!(inside && *top >= 40.0 && *bottom <= 980.0, "{headline}: {left} {top} {right} {bottom}");
        }
    }
}

#[test]
fn pictures_are_pictures_and_differ() {
    let stop = AtomicBool::new(false);
    let drawn = |headline: &str, number, seed: &str| {
        let bytes = picture(&card(headline, number, seed), &stop).unwrap();
        let reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
        assert_eq!((reader.info().width, reader.info().height), (1_080, 1_080));
        bytes
    };
    let one = drawn("Bread", 1, "a");
    assert_eq!(one, drawn("Bread", 1, "a"), "the same words give the same picture");
    for other in [drawn("Coffee", 1, "a"), drawn("Bread", 2, "a"), drawn("Bread", 1, "b")] {
        assert_ne!(one, other);
    }
    // For whoever wants to look: the pictures are kept where this variable says.
    if let Ok(directory) = std::env::var("MILEPOST_KEEP_PICTURES") {
        for (at, headline) in (1..).zip(HEADLINES) {
            let bytes = picture(&card(headline, at, &format!("s{at}")), &stop).unwrap();
            std::fs::write(format!("{directory}/picture-{at}.png"), bytes).unwrap();
        }
    }
}

#[test]
fn the_animation_moves_and_can_be_stopped() {
    let cards: Vec<_> = (1..=3).map(|number| card(HEADLINES[number as usize], number, "seed")).collect();
    let (told, done) = watch();
    let bytes = animation(&cards, &told, &AtomicBool::new(false)).unwrap();
    assert_eq!(*done.borrow(), frames(3));
    let mut reader = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap();
    assert_eq!(reader.info().animation_control.map(|control| control.num_frames), Some(frames(3)));
    let mut seen = std::collections::HashSet::new();
    let mut frame = vec![0; reader.output_buffer_size().unwrap()];
    for _ in 0..frames(3) {
        reader.next_frame(&mut frame).unwrap();
        seen.insert(frame.clone());
    }
    assert_eq!(seen.len() as u32, frames(3), "every frame is another one");
    let (told, done) = watch();
    assert_eq!(animation(&cards, &told, &AtomicBool::new(true)), Err(JobError::Cancelled));
    assert_eq!(*done.borrow(), 0);
    if let Ok(directory) = std::env::var("MILEPOST_KEEP_PICTURES") {
        std::fs::write(format!("{directory}/animation.png"), bytes).unwrap();
    }
}

fn watch() -> (tokio::sync::watch::Sender<u32>, tokio::sync::watch::Receiver<u32>) {
    tokio::sync::watch::channel(0)
}
