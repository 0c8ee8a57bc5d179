//! Methods that stream: to the client, from the client, and sources that are attached to the connection.

use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use milepost_signalr::{Caller, Context, HubBuilder, HubError, SharedMessage, Upload};

use crate::hubs::Connection;

type Cx = Context<Connection>;

pub(crate) fn add(builder: HubBuilder<Connection>) -> HubBuilder<Connection> {
    builder
        .stream("Stream", |_: Cx| async { Ok(stream::iter(["a", "b", "c"]).map(Ok)) })
        .stream("EmptyStream", |_: Cx| async { Ok(stream::empty::<Result<u8, HubError>>()) })
        .stream("StreamThrowException", stream_that_fails)
        .stream("ThrowBeforeStream", throws_before)
        .stream("Counter", |_: Cx, count: u64, delay_ms: Option<u64>| async move { Ok(counter(count, delay_ms)) })
        .stream("Padded", padded)
        .stream("InfiniteStream", infinite)
        .stream("SharedStream", |_: Cx, count: u64| async move { Ok(shared(count).map(Ok)) })
        .stream("Double", |_: Cx, numbers: Upload<i64>| async move { Ok(numbers.map(|number| Ok(number? * 2))) })
        .method("StreamingConcat", concat)
        .method("SlowSum", slow_sum)
        .method("FirstOf", first_of)
        .method("Subscribe", subscribe)
        .method("Unsubscribe", unsubscribe)
}

fn counter(count: u64, delay_ms: Option<u64>) -> impl Stream<Item = Result<u64, HubError>> {
    stream::iter(0..count).then(move |number| async move {
        if let Some(ms) = delay_ms {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        Ok(number)
    })
}

/// Numbers with so many bytes each.
async fn padded(
    _: Cx,
    count: u64,
    bytes: usize,
) -> Result<impl Stream<Item = Result<(u64, String), HubError>>, HubError> {
    let padding = "x".repeat(bytes);
    Ok(stream::iter(0..count).map(move |number| Ok((number, padding.clone()))))
}

async fn stream_that_fails(_: Cx, message: String) -> Result<impl Stream<Item = Result<String, HubError>>, HubError> {
    let items = [Ok("first".to_owned()), Err(HubError::internal(message))];
    Ok(stream::iter(items))
}

async fn throws_before(_: Cx, message: String) -> Result<stream::Empty<Result<u8, HubError>>, HubError> {
    Err(HubError::new(message))
}

/// Says `StreamCanceled` when it is dropped.
struct Farewell(Caller);

impl Drop for Farewell {
    fn drop(&mut self) {
        let caller = self.0.clone();
        tokio::spawn(async move { drop(caller.send("StreamCanceled", ()).await) });
    }
}

async fn infinite(cx: Cx) -> Result<impl Stream<Item = Result<u64, HubError>>, HubError> {
    let farewell = Farewell(cx.caller());
    Ok(stream::unfold((0, farewell), |(number, farewell)| async move {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Some((Ok(number), (number + 1, farewell)))
    }))
}

fn shared(count: u64) -> impl Stream<Item = SharedMessage> + Send {
    stream::iter(0..count).map(|number| SharedMessage::new("Tick", (number,)))
}

async fn concat(_: Cx, mut parts: Upload<String>) -> Result<String, HubError> {
    let mut all = String::new();
    while let Some(part) = parts.next().await {
        all.push_str(&part?);
    }
    Ok(all)
}

/// Reads an upload no faster than one item in `ms`.
async fn slow_sum(_: Cx, numbers: Upload<i64>, ms: u64) -> Result<i64, HubError> {
    let mut sum = 0;
    tokio::pin!(numbers);
    while let Some(number) = numbers.next().await {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        sum += number?;
    }
    Ok(sum)
}

/// Takes one item and leaves the rest.
async fn first_of(_: Cx, mut numbers: Upload<i64>) -> Result<Option<i64>, HubError> {
    numbers.next().await.transpose()
}

/// Attaches an endless source of `Tick(n)`, some every millisecond; the answer may come before, between or after them.
async fn subscribe(cx: Cx) -> Result<(), HubError> {
    cx.caller().send("Subscribed", ()).await?;
    let paced = shared(u64::MAX).chunks(5).then(|ticks| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        stream::iter(ticks)
    });
    let key = cx.caller().attach(paced.flatten())?;
    let mut sources = cx.state().sources.lock().map_err(|_| HubError::new("the connection is broken"))?;
    sources.push(key);
    Ok(())
}

/// Detaches all of them: no `Tick` follows the answer.
async fn unsubscribe(cx: Cx) -> Result<(), HubError> {
    let mut sources = cx.state().sources.lock().map_err(|_| HubError::new("the connection is broken"))?;
    for key in sources.drain(..) {
        cx.caller().detach(key);
    }
    Ok(())
}
