use std::time::Duration;

use milepost_core::{Cursor, Epoch};
use proptest::prelude::*;

use super::*;

fn cursor(seq: u64) -> Cursor {
    Cursor::new(Epoch(0xab), seq)
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Item> {
    let (mut decoder, mut items) = (Decoder::new(10_000), Vec::new());
    for chunk in chunks {
        decoder.push(chunk, &mut items).unwrap();
    }
    items
}

fn event(name: &str, data: &str, id: &str) -> Item {
    Item::Event { name: name.into(), data: data.into(), id: id.into() }
}

fn moved(id: &str) -> Item {
    Item::Moved { id: id.into() }
}

#[test]
fn frames_are_written_with_lf_only() {
    let frames = [
        event_frame(cursor(42), br#"{"a":1}"#),
        named_frame("snapshot", Some(cursor(42)), b"{}"),
        named_frame("reset", None, b"{}"),
        id_only(cursor(43)),
        COMMENT.clone(),
    ];
    let text = String::from_utf8(frames.concat()).unwrap();
    insta::assert_snapshot!(text.replace('\n', "⏎\n"));
    assert!(!text.contains('\r'));
}

#[test]
fn streams_are_read_as_the_specification_says() {
    let cases: [(&str, Vec<Item>); 14] = [
        ("data: YHOO\ndata: +2\ndata: 10\n\n", vec![event("", "YHOO\n+2\n10", "")]),
        (": test stream\n\ndata: first event\nid: 1\n\n", vec![event("", "first event", "1")]),
        ("data:second event\nid\n\n", vec![event("", "second event", "")]),
        ("data:  third event\n\n", vec![event("", " third event", "")]),
        ("data\n\ndata\ndata\n\ndata:", vec![event("", "", ""), event("", "\n", "")]),
        ("data:test\n\ndata: test\n\n", vec![event("", "test", ""), event("", "test", "")]),
        ("event: add\ndata: 1\n\ndata: 2\n\n", vec![event("add", "1", ""), event("", "2", "")]),
        ("event: lost\n\ndata: 2\n\n", vec![event("", "2", "")]),
        ("id: 1\n\nid: 1\n\ndata: a\n\n", vec![moved("1"), event("", "a", "1")]),
        ("id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n", vec![event("", "a", "1"), event("", "b", "1")]),
        ("id: 1\ndata: a\n\nid\ndata: b\n\n", vec![event("", "a", "1"), event("", "b", "")]),
        (
            "\u{feff}data: a\r\rdata: b\r\n\r\ndata: c\n\r",
            vec![event("", "a", ""), event("", "b", ""), event("", "c", "")],
        ),
        ("other: x\nDATA: y\n\n", vec![]),
        ("data: incomplete\n", vec![]),
    ];
    for (text, expect) in cases {
        assert_eq!(decode([text.as_bytes()]), expect, "{text:?}");
    }
}

#[test]
fn retry_is_digits_only() {
    let mut decoder = Decoder::new(100);
    decoder.push(b"retry: 1500\nretry: 2s\nretry:\nretry: +3\n", &mut Vec::new()).unwrap();
    assert_eq!(decoder.retry(), Some(Duration::from_millis(1500)));
}

#[test]
fn bytes_that_are_no_utf8_are_replaced() {
    assert_eq!(decode([&b"data: a\xFFb\n\n"[..]]), [event("", "a\u{fffd}b", "")]);
}

#[test]
fn what_is_too_long_is_refused() {
    for text in ["data: 12345678901", "data: 1234\ndata: 1234\n", "data: 123\ndata: 123\ndata: 1"] {
        let mut decoder = Decoder::new(14);
        assert_eq!(decoder.push(text.as_bytes(), &mut Vec::new()), Err(TooLong { max: 14 }), "{text:?}");
    }
    let mut decoder = Decoder::new(14);
    let many = "data: 12345678\n\n".repeat(100);
    assert_eq!(decoder.push(many.as_bytes(), &mut Vec::new()), Ok(()));
}

proptest! {
    #[test]
    fn what_is_written_is_read(text in "[^\r\n]{0,40}", name in "[a-z_]{1,12}", seq: u64) {
        let frames = [event_frame(cursor(seq), text.as_bytes()), named_frame(&name, None, text.as_bytes())].concat();
        let id = cursor(seq).to_string();
        prop_assert_eq!(decode([&frames[..]]), [event("", &text, &id), event(&name, &text, &id)]);
    }

    #[test]
    fn chunks_do_not_matter(
        lines in prop::collection::vec("(data|id|event|retry|x|):? ?[a-z0-9é\0:]{0,5}", 0..20),
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n"]), 20),
        bom: bool,
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
    ) {
        let mut text = if bom { "\u{feff}".to_owned() } else { String::new() };
        for (line, end) in lines.iter().zip(&ends) {
            text += line;
            text += end;
        }
        let bytes = text.as_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
        prop_assert_eq!(decode(chunks), decode([bytes]));
    }
}
