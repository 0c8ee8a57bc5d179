//! Both encodings, byte by byte and at random.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::framing::prefixed;
use super::handshake::{Agreed, HandshakeError, agree};
use super::*;

const BOTH: [Protocol; 2] = [Protocol::Json, Protocol::MessagePack];

fn payload(protocol: Protocol, value: &Value) -> Payload {
    Payload::of(protocol, value).unwrap()
}

fn call(protocol: Protocol, id: Option<&str>, arguments: &[Value]) -> Call {
    Call {
        headers: Vec::new(),
        id: id.map(str::to_owned),
        target: "method".to_owned(),
        arguments: Arguments::new(protocol, arguments.iter().map(|value| payload(protocol, value))),
        stream_ids: Vec::new(),
    }
}

/// Everything in `bytes`, cut and decoded.
fn read(protocol: Protocol, bytes: &Bytes) -> Vec<Message> {
    let mut frames = Frames::new(usize::MAX);
    frames.push(bytes.clone());
    let mut messages = Vec::new();
    while let Some(frame) = frames.next(protocol).unwrap() {
        messages.extend(protocol.decode(&frame).unwrap());
    }
    assert!(frames.is_empty());
    messages
}

#[test]
fn messagepack_is_what_the_specification_shows() {
    let protocol = Protocol::MessagePack;
    let id = || "xyz".to_owned();
    let arguments = [json!(42)];
    let item = || payload(protocol, &json!(42));
    let completion = |outcome| Message::Completion { id: id(), outcome };
    let close = |allow_reconnect| Message::Close { error: Some(id()), allow_reconnect };
    let cases: &[(Message, &[u8])] = &[
        (Message::Invocation(call(protocol, Some("xyz"), &arguments)), b"\x96\x01\x80\xa3xyz\xa6method\x91\x2a\x90"),
        (Message::Invocation(call(protocol, None, &arguments)), b"\x96\x01\x80\xc0\xa6method\x91\x2a\x90"),
        (
            Message::StreamInvocation(call(protocol, Some("xyz"), &arguments)),
            b"\x96\x04\x80\xa3xyz\xa6method\x91\x2a\x90",
        ),
        (Message::StreamItem { id: id(), item: item() }, b"\x94\x02\x80\xa3xyz\x2a"),
        (completion(Outcome::Error("Error".to_owned())), b"\x95\x03\x80\xa3xyz\x01\xa5Error"),
        (completion(Outcome::Void), b"\x94\x03\x80\xa3xyz\x02"),
        (completion(Outcome::Result(item())), b"\x95\x03\x80\xa3xyz\x03\x2a"),
        (Message::CancelInvocation { id: id() }, b"\x93\x05\x80\xa3xyz"),
        (Message::Ping, b"\x91\x06"),
        (close(true), b"\x93\x07\xa3xyz\xc3"),
        (close(false), b"\x93\x07\xa3xyz\xc2"),
        (Message::Ack(36), b"\x92\x08\x24"),
        (Message::Sequence(300), b"\x92\x09\xcd\x01\x2c"),
    ];
    for (message, bytes) in cases {
        let length = u8::try_from(bytes.len()).unwrap();
        assert_eq!(protocol.encode(message)[..], [&[length], *bytes].concat(), "{message:?}");
        assert_eq!(protocol.decode(&Bytes::from_static(bytes)).unwrap().as_ref(), Some(message));
    }
}

#[test]
fn messagepack_is_read_tolerantly() {
    let protocol = Protocol::MessagePack;
    let invocation = |id| Message::Invocation(call(protocol, id, &[json!(42)]));
    let cases: &[(&[u8], Option<Message>)] = &[
        // five items, headers of nil, an empty id, an extra item
        (b"\x95\x01\x80\xa3xyz\xa6method\x91\x2a", Some(invocation(Some("xyz")))),
        (b"\x96\x01\xc0\xa3xyz\xa6method\x91\x2a\x90", Some(invocation(Some("xyz")))),
        (b"\x96\x01\x80\xa0\xa6method\x91\x2a\x90", Some(invocation(None))),
        (b"\x97\x01\x80\xc0\xa6method\x91\x2a\x90\xa5later", Some(invocation(None))),
        // any width of an integer
        (b"\x92\x08\xcc\x24", Some(Message::Ack(36))),
        (b"\x92\x09\xcf\0\0\0\0\0\0\0\x13", Some(Message::Sequence(19))),
        (b"\x92\x07\xa3xyz", Some(Message::Close { error: Some("xyz".to_owned()), allow_reconnect: false })),
        (b"\x92\x07\xc0", Some(Message::Close { error: None, allow_reconnect: false })),
        // the future
        (b"\x93\x2a\x01\x02", None),
        (b"\x91\x00", None),
    ];
    for (bytes, message) in cases {
        assert_eq!(&protocol.decode(&Bytes::from_static(bytes)).unwrap(), message, "{bytes:x?}");
    }
}

#[test]
fn json_is_read_tolerantly() {
    let cases: &[(&str, Value)] = &[
        // order, unknown properties, headers
        (
            r#"{"arguments":[1],"x":{"y":[]},"target":"method","headers":{"a":"b","n":1},"type":1}"#,
            json!([1, null, "b"]),
        ),
        (r#"{"type":1,"invocationId":"","target":"method","arguments":[1]}"#, json!([1, null, null])),
        (r#" { "type" : 1, "invocationId":"7", "target":"method","arguments":[1]} "#, json!([1, "7", null])),
    ];
    for (text, expected) in cases {
        let Some(Message::Invocation(call)) = Protocol::Json.decode(&Bytes::from(*text)).unwrap() else {
            panic!("{text}")
        };
        let header = call.headers.iter().find(|(name, _)| name == "a").map(|(_, value)| value.clone());
        assert_eq!(json!([call.arguments.bind::<i32>(0).unwrap(), call.id, header]), *expected, "{text}");
    }
    let ignored = [r#"{"type":77,"target":7}"#, r#"{"type":0}"#, r#"{"type":10,"error":{}}"#];
    for text in ignored {
        assert_eq!(Protocol::Json.decode(&Bytes::from(text)), Ok(None), "{text}");
    }
    let null = Protocol::Json.decode(&Bytes::from(r#"{"type":3,"invocationId":"1","result":null}"#)).unwrap();
    let outcome = Outcome::Result(payload(Protocol::Json, &Value::Null));
    assert_eq!(null, Some(Message::Completion { id: "1".to_owned(), outcome }));
}

#[test]
fn what_is_no_message_is_refused() {
    let json = [
        "",
        "[]",
        "{}",
        "nonsense",
        r#"{"type":"1"}"#,
        r#"{"type":1,"target":"x"}"#,
        r#"{"type":1,"arguments":[]}"#,
        r#"{"type":1,"target":"x","arguments":{}}"#,
        r#"{"type":2,"invocationId":"1"}"#,
        r#"{"type":2,"item":1}"#,
        r#"{"type":3,"invocationId":"1","result":1,"error":"x"}"#,
        r#"{"type":4,"target":"x","arguments":[]}"#,
        r#"{"type":5}"#,
        r#"{"type":8}"#,
        r#"{"type":9,"sequenceId":-1}"#,
        r#"{"type":6"#,
        "\u{ff}",
    ];
    for text in json {
        assert!(Protocol::Json.decode(&Bytes::from(text)).is_err(), "{text}");
    }
    let msgpack: &[&[u8]] = &[
        b"",
        b"\x90",
        b"\x2a",
        b"\x91\xa1x",
        b"\x91\x01",
        b"\x95\x01\x80\xc0\x2a\x90",
        b"\x96\x01\x80\xc0\xa1x\x92\x01",
        b"\x95\x04\x80\xc0\xa1x\x90",
        b"\x94\x02\x80\xa1x",
        b"\x95\x03\x80\xa1x\x04\x01",
        b"\x94\x03\x80\xa1x\x03",
        b"\x96\x01\x80\xc0\xa1x\xdd\xff\xff\xff\xff",
        b"\x94\x02\x80\xa1x\xc1",
        b"\x92\x08\xff",
        b"\x93\x05\x80\xa1\xff",
        b"\x94\x02\x80\xa1x\xdf\xff\xff\xff\xff",
        b"\x94\x02\x80\xa1x\xc6\xff\xff\xff\xff",
    ];
    for bytes in msgpack {
        assert!(Protocol::MessagePack.decode(&Bytes::from_static(bytes)).is_err(), "{bytes:x?}");
    }
}

#[test]
fn arguments_are_bound_to_types() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Kind {
        Small,
        Large,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Order {
        order_id: u64,
        kind: Kind,
        note: Option<String>,
    }
    for protocol in BOTH {
        let order = Order { order_id: 1 << 40, kind: Kind::Large, note: None };
        let written = Payload::of(protocol, &order).unwrap();
        // Names travel, whatever the protocol.
        assert_eq!(written.bind::<Value>().unwrap(), json!({"orderId": 1_u64 << 40, "kind": "Large", "note": null}));
        assert_eq!(written.bind::<Order>().unwrap(), order);

        let arguments = Arguments::new(protocol, [payload(protocol, &json!(5)), payload(protocol, &json!("five"))]);
        assert_eq!(arguments.bind::<f64>(0).unwrap(), 5.0);
        assert_eq!(arguments.bind::<Option<String>>(1).unwrap().as_deref(), Some("five"));
        assert_eq!(arguments.bind::<Option<u8>>(2).unwrap(), None);
        assert!(arguments.bind::<u8>(1).is_err() && arguments.bind::<u8>(2).is_err());
    }
}

#[test]
fn times_and_bytes_are_what_clients_expect() {
    let cases = [
        ("1970-01-01T00:00:01Z", vec![0xd6, 0xff, 0, 0, 0, 1]),
        ("1970-01-01T00:00:01.5Z", vec![0xd7, 0xff, 0x77, 0x35, 0x94, 0, 0, 0, 0, 1]),
        ("1969-12-31T23:59:59Z", [&[0xc7, 12, 0xff, 0, 0, 0, 0][..], &[0xff; 8]].concat()),
    ];
    for (text, bytes) in cases {
        let time = Timestamp(text.parse().unwrap());
        let json = Payload::of(Protocol::Json, &time).unwrap();
        assert_eq!(json.bind::<String>().unwrap(), text);
        assert_eq!(json.bind::<Timestamp>().unwrap(), time);
        let msgpack = Payload::of(Protocol::MessagePack, &time).unwrap();
        assert_eq!(msgpack.bytes()[..], bytes, "{text}");
        assert_eq!(msgpack.bind::<Timestamp>().unwrap(), time);
    }
    let binary = Binary(Bytes::from_static(&[1, 2, 255]));
    assert_eq!(Payload::of(Protocol::Json, &binary).unwrap().bytes()[..], *br#""AQL/""#);
    assert_eq!(Payload::of(Protocol::MessagePack, &binary).unwrap().bytes()[..], [0xc4, 3, 1, 2, 255]);
    for protocol in BOTH {
        assert_eq!(Payload::of(protocol, &binary).unwrap().bind::<Binary>().unwrap(), binary);
    }
}

#[test]
fn a_shared_message_is_encoded_once_and_is_an_item_too() {
    for protocol in BOTH {
        for arguments in [vec![], vec![json!({"a": [1, "x"]})], vec![json!(1), json!("2")]] {
            let message = match &arguments[..] {
                [] => SharedMessage::new("method", ()),
                [one] => SharedMessage::new("method", (one.clone(),)),
                [one, two] => SharedMessage::new("method", (one.clone(), two.clone())),
                _ => unreachable!("no more than two"),
            };
            let bytes = message.bytes(protocol).unwrap();
            assert_eq!(read(protocol, &bytes), [Message::Invocation(call(protocol, None, &arguments))]);
            assert_eq!(message.clone().bytes(protocol).unwrap().as_ptr(), bytes.as_ptr());
            let item = Payload::raw(protocol, message.item(protocol).unwrap()).bind::<Value>().unwrap();
            let expected = if let [one] = &arguments[..] { one.clone() } else { json!(arguments) };
            assert_eq!(item, expected);
        }
        let unencodable = SharedMessage::new("method", (std::collections::BTreeMap::from([((1, 2), 3)]),));
        assert_eq!(unencodable.bytes(protocol).is_err(), protocol == Protocol::Json);
    }
}

#[test]
fn lengths_are_those_of_the_specification() {
    for (length, prefix) in [(53, &[0x35][..]), (5248, &[0x80, 0x29]), (127, &[0x7f]), (128, &[0x80, 1]), (0, &[0])] {
        let framed = prefixed(vec![0; 5 + length]);
        assert_eq!(framed[..framed.len() - length], *prefix);
        let mut frames = Frames::new(10_000);
        frames.push(framed);
        assert_eq!(frames.next(Protocol::MessagePack).unwrap().unwrap().len(), length);
    }
    for (bytes, error) in [
        (&[0xff, 0xff, 0xff, 0xff, 0x07][..], FrameError::TooLarge { limit: 10_000 }),
        (&[0xff, 0xff, 0xff, 0xff, 0x08], FrameError::BadLength),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0], FrameError::BadLength),
        (&[0x8f, 0x4e], FrameError::TooLarge { limit: 10_000 }),
    ] {
        let mut frames = Frames::new(10_000);
        frames.push(Bytes::from_static(bytes));
        assert_eq!(frames.next(Protocol::MessagePack), Err(error), "{bytes:x?}");
    }
}

#[test]
fn the_limit_counts_the_whole_message() {
    for (length, protocol) in [(9, Protocol::Json), (9, Protocol::MessagePack)] {
        for (limit, fits) in [(length + 1, true), (length, false)] {
            let bytes = match protocol {
                Protocol::Json => [vec![b'x'; length], vec![0x1e]].concat(),
                Protocol::MessagePack => prefixed(vec![0; 5 + length]).to_vec(),
            };
            let mut frames = Frames::new(limit);
            frames.push(bytes.into());
            assert_eq!(frames.next(protocol).is_ok(), fits, "{protocol:?} {limit}");
        }
    }
    // A record that does not end is given up as soon as it is too long.
    let mut frames = Frames::new(10);
    frames.push(Bytes::from_static(b"0123456789"));
    assert_eq!(frames.next(Protocol::Json), Ok(None));
    frames.push(Bytes::from_static(b"a"));
    assert!(frames.next(Protocol::Json).is_err());
}

#[test]
fn hands_are_shaken() {
    let agreed = |protocol, stateful| Ok(Agreed { protocol, stateful });
    let version = |version| Err(HandshakeError::Version { protocol: "json".to_owned(), version });
    let cases = [
        (r#"{"protocol":"json","version":1}"#, true, agreed(Protocol::Json, false)),
        (r#"{"version":0,"x":1,"protocol":"JSON"}"#, false, agreed(Protocol::Json, false)),
        (r#"{"protocol":"messagepack","version":2}"#, true, agreed(Protocol::MessagePack, true)),
        (r#"{"protocol":"json","version":3}"#, true, version(3)),
        (r#"{"protocol":"json","version":-1}"#, true, version(-1)),
        (r#"{"protocol":"x","version":1}"#, true, Err(HandshakeError::UnknownProtocol("x".to_owned()))),
        (r#"{"protocol":"messagepack","version":1}"#, false, Err(HandshakeError::TextOnly("messagepack".to_owned()))),
        (r#"{"type":6}"#, true, Err(HandshakeError::Unexpected)),
        ("nonsense", true, Err(HandshakeError::Unexpected)),
    ];
    for (record, binary, expected) in cases {
        assert_eq!(agree(record.as_bytes(), binary), expected, "{record}");
    }
    insta::assert_snapshot!(
        cases_of_refusal().map(|error| String::from_utf8_lossy(&handshake::refused(&error)).replace('\u{1e}', "")).join("\n"),
        @r#"
    {"error":"The protocol 'x' is not supported."}
    {"error":"The server does not support version 3 of the 'json' protocol."}
    {"error":"Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format."}
    {"error":"Handshake was canceled."}
    {"error":"An unexpected error occurred during connection handshake."}
    "#
    );
}

fn cases_of_refusal() -> [HandshakeError; 5] {
    [
        HandshakeError::UnknownProtocol("x".to_owned()),
        HandshakeError::Version { protocol: "json".to_owned(), version: 3 },
        HandshakeError::TextOnly("messagepack".to_owned()),
        HandshakeError::Canceled,
        HandshakeError::Unexpected,
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no others", |number| number.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((".{0,4}", inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_call(protocol: Protocol, id: impl Strategy<Value = Option<String>>) -> impl Strategy<Value = Call> {
    let headers = vec(("[a-z]{1,8}", ".{0,8}"), 0..3).prop_map(|headers| {
        // A map: every name once, and in the order that a map has.
        headers.into_iter().collect::<std::collections::BTreeMap<_, _>>().into_iter().collect()
    });
    (headers, id, ".{0,16}", vec(any_value(), 0..4), vec("[0-9]{1,3}", 0..3)).prop_map(
        move |(headers, id, target, arguments, stream_ids)| {
            let arguments = Arguments::new(protocol, arguments.iter().map(|value| payload(protocol, value)));
            Call { headers, id, target, arguments, stream_ids }
        },
    )
}

fn any_message(protocol: Protocol) -> impl Strategy<Value = Message> {
    let outcome = prop_oneof![
        Just(Outcome::Void),
        ".{1,12}".prop_map(Outcome::Error),
        any_value().prop_map(move |value| Outcome::Result(payload(protocol, &value))),
    ];
    prop_oneof![
        any_call(protocol, option::of(".{1,6}")).prop_map(Message::Invocation),
        any_call(protocol, ".{1,6}".prop_map(Some)).prop_map(Message::StreamInvocation),
        (".{0,6}", any_value()).prop_map(move |(id, item)| Message::StreamItem { id, item: payload(protocol, &item) }),
        (".{0,6}", outcome).prop_map(|(id, outcome)| Message::Completion { id, outcome }),
        ".{0,6}".prop_map(|id| Message::CancelInvocation { id }),
        Just(Message::Ping),
        (option::of(".{0,6}"), any::<bool>())
            .prop_map(|(error, allow_reconnect)| Message::Close { error, allow_reconnect }),
        any::<u64>().prop_map(Message::Ack),
        any::<u64>().prop_map(Message::Sequence),
    ]
}

fn any_messages() -> impl Strategy<Value = (Protocol, Vec<Message>)> {
    prop_oneof![Just(Protocol::Json), Just(Protocol::MessagePack)]
        .prop_flat_map(|protocol| (Just(protocol), vec(any_message(protocol), 1..5)))
}

proptest! {
    #[test]
    fn messages_survive_any_split((protocol, messages) in any_messages(), piece in 1..40_usize) {
        let whole: Vec<u8> = messages.iter().flat_map(|message| protocol.encode(message).to_vec()).collect();
        let mut frames = Frames::new(1 << 20);
        let mut read = Vec::new();
        for piece in whole.chunks(piece) {
            frames.push(Bytes::copy_from_slice(piece));
            while let Some(frame) = frames.next(protocol).unwrap() {
                read.extend(protocol.decode(&frame).unwrap());
            }
        }
        prop_assert_eq!(read, messages);
        prop_assert!(frames.is_empty());
    }

    #[test]
    fn damage_is_an_error_at_worst(
        (protocol, messages) in any_messages(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut bytes = protocol.encode(&messages[0]).to_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        bytes.truncate(keep.index(bytes.len()) + 1);
        let mut frames = Frames::new(1 << 20);
        frames.push(bytes.into());
        while let Ok(Some(frame)) = frames.next(protocol) {
            if let Ok(Some(Message::Invocation(call))) = protocol.decode(&frame) {
                for index in 0..=call.arguments.len() {
                    drop(call.arguments.bind::<Value>(index));
                }
            }
        }
    }

    #[test]
    fn garbage_is_an_error_at_worst(bytes in vec(any::<u8>(), 0..200)) {
        for protocol in BOTH {
            let frame = Bytes::from(bytes.clone());
            drop(protocol.decode(&frame));
            let mut frames = Frames::new(100);
            frames.push(frame);
            while let Ok(Some(frame)) = frames.next(protocol) {
                drop(protocol.decode(&frame));
            }
        }
        drop(agree(&bytes, true));
    }
}
