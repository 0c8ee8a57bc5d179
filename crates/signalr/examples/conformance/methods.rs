//! Methods that answer with a value.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{Uri, header};
use milepost_signalr::{Binary, Context, HubBuilder, HubError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hubs::{Connection, RequestHeaders};

type Cx = Context<Connection>;

/// What the official test hub sends back and forth; its members are written `LikeThis`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ComplexObject {
    string: String,
    integer_array: Vec<i64>,
    byte_array: Binary,
    #[serde(rename = "GUID")]
    guid: String,
    date_time: Timestamp,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CustomObject {
    name: String,
    value: i64,
}

pub(crate) fn add(builder: HubBuilder<Connection>) -> HubBuilder<Connection> {
    builder
        .method("Echo", |_: Cx, message: Value| async move { Ok(message) })
        .method("GetCallerConnectionId", |cx: Cx| async move { Ok(cx.connection_id().to_owned()) })
        .method("GetActiveTransportName", |cx: Cx| async move { Ok(cx.connection().transport.name()) })
        .method("GetNumRedirects", number_of_redirects)
        .method("GetContentTypeHeader", |cx: Cx| async move { Ok(header_of(&cx, header::CONTENT_TYPE.as_str())) })
        .method("GetHeader", |cx: Cx, name: String| async move { Ok(header_of(&cx, &name)) })
        .method("GetCookie", cookie)
        .method("EchoComplexObject", |_: Cx, object: ComplexObject| async move { Ok(object) })
        .method("SendComplexObject", send_complex_object)
        .method("SendCustomObject", |cx: Cx, object: CustomObject| async move {
            Ok(cx.caller().send("CustomObject", (object,)).await?)
        })
        .method("InvokeWithString", |cx: Cx, message: String| async move {
            cx.clients().all().send("Message", (message,))?;
            Ok(())
        })
        .method("ThrowException", |_: Cx, message: String| async move { Err::<(), _>(HubError::internal(message)) })
        .method("ThrowHubException", |_: Cx, message: String| async move { Err::<(), _>(HubError::new(message)) })
        .method("Panic", panics)
        .method("Add", |_: Cx, a: i64, b: i64| async move { Ok(a + b) })
        .method("Greet", |_: Cx, name: String, greeting: Option<String>| async move {
            Ok(format!("{}, {name}", greeting.as_deref().unwrap_or("Hello")))
        })
        .method("Nothing", |_: Cx| async move { Ok(()) })
        .method("Sleep", |_: Cx, ms: u64| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok(ms)
        })
        .method("Flood", flood)
        .method("Join", |cx: Cx, group: String| async move {
            cx.join(&group);
            Ok(())
        })
        .method("Leave", |cx: Cx, group: String| async move {
            cx.leave(&group);
            Ok(())
        })
        .method("SendToGroup", |cx: Cx, group: String, text: String| async move {
            Ok(cx.clients().group(&group).send("GroupMessage", (group, text))?)
        })
        .method("SendToOthers", |cx: Cx, text: String| async move {
            let id = cx.connection_id().to_owned();
            Ok(cx.clients().all().except(id).send("Message", (text,))?)
        })
        .method("SendTo", |cx: Cx, id: String, text: String| async move {
            Ok(cx.clients().client(id).send("Message", (text,))?)
        })
        .method("Abort", |cx: Cx| async move {
            cx.abort();
            Ok(())
        })
        .method("Note", |cx: Cx, number: u64| async move {
            cx.state().notes.lock().map_err(|_| HubError::new("the connection is broken"))?.push(number);
            Ok(())
        })
        .method("Noted", |cx: Cx| async move {
            Ok(cx.state().notes.lock().map_err(|_| HubError::new("the connection is broken"))?.clone())
        })
        .method("MessageHeader", |cx: Cx, name: String| async move { Ok(cx.header(&name).map(str::to_owned)) })
}

/// Sends the caller so many numbers, as fast as it reads.
async fn flood(cx: Cx, count: u64, padding: Option<usize>) -> Result<u64, HubError> {
    let padding = "x".repeat(padding.unwrap_or_default());
    for number in 0..count {
        cx.caller().send("Number", (number, padding.clone())).await?;
    }
    Ok(count)
}

async fn send_complex_object(cx: Cx) -> Result<(), HubError> {
    let object = ComplexObject {
        string: "Hello, World!".to_owned(),
        integer_array: (1..=20).collect(),
        byte_array: Binary(vec![1, 2, 3].into()),
        guid: "00010203-0405-0607-0706-050403020100".to_owned(),
        date_time: Timestamp("2002-04-01T10:20:15Z".parse()?),
    };
    Ok(cx.caller().send("ComplexObject", (object,)).await?)
}

async fn panics(_: Cx) -> Result<(), HubError> {
    let empty: BTreeMap<u8, u8> = BTreeMap::new();
    let _nothing_there = empty[&0];
    Ok(())
}

async fn number_of_redirects(cx: Cx) -> Result<u32, HubError> {
    let uri = cx.connection().extensions.get::<Uri>().cloned().unwrap_or_default();
    Ok(u32::from(uri.query().unwrap_or_default().contains("numRedirects=1")))
}

fn header_of(cx: &Cx, name: &str) -> Option<String> {
    let RequestHeaders(headers) = cx.connection().extensions.get::<RequestHeaders>()?;
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

async fn cookie(cx: Cx, name: String) -> Result<Option<String>, HubError> {
    let cookies = header_of(&cx, header::COOKIE.as_str()).unwrap_or_default();
    let wanted = cookies.split("; ").filter_map(|cookie| cookie.split_once('='));
    Ok(wanted.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()))
}
