//! The live stream of a run, over SSE.

use std::collections::VecDeque;

use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use milepost_core::{Cursor, Snapshot};
use milepost_wire::native::WireEvent;
use milepost_wire::native::answers::Reset;
use milepost_wire::sse::{self, Decoder};
use reqwest::{RequestBuilder, StatusCode};

use super::answer::{checked, send, unreachable};
use crate::caps::{CALL_TIMEOUT, SSE_EVENT_BYTES, STREAM_SILENCE};
use crate::error::ClientError;
use crate::transport::{Item, Items};

/// Opens the stream. 204 says that the viewer is at the end of a finished stream.
pub(super) async fn open(request: RequestBuilder) -> Result<Items, ClientError> {
    let answer = tokio::time::timeout(CALL_TIMEOUT, send(request)).await;
    let response = checked(answer.map_err(|_| silence())??).await?;
    if response.status() == StatusCode::NO_CONTENT {
        return Ok(stream::iter([Ok(Item::End { cursor: None })]).boxed());
    }
    let chunks = response.bytes_stream().map(|chunk| chunk.map_err(|error| unreachable(&error))).boxed();
    Ok(decode_items(chunks))
}

fn silence() -> ClientError {
    ClientError::Unreachable("nothing was heard for too long".to_owned())
}

/// The bytes of an event stream as they come.
type Chunks = BoxStream<'static, Result<bytes::Bytes, ClientError>>;

struct Reading {
    chunks: Chunks,
    decoder: Decoder,
    decoded: VecDeque<sse::Item>,
    failed: bool,
}

/// Decodes an event stream (SSE) into items, for transports of one's own. Ends after the first error.
pub fn decode_items(chunks: Chunks) -> Items {
    let decoder = Decoder::new(SSE_EVENT_BYTES);
    let reading = Reading { chunks, decoder, decoded: VecDeque::new(), failed: false };
    let next = |mut reading: Reading| async move {
        if reading.failed {
            return None;
        }
        let item = reading.next().await.transpose()?;
        reading.failed = item.is_err();
        Some((item, reading))
    };
    stream::unfold(reading, move |reading| next(reading).boxed()).boxed()
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Item>, ClientError> {
        loop {
            while let Some(decoded) = self.decoded.pop_front() {
                if let Some(item) = item(decoded)? {
                    return Ok(Some(item));
                }
            }
            let chunk = tokio::time::timeout(STREAM_SILENCE, self.chunks.next()).await.map_err(|_| silence())?;
            let Some(chunk) = chunk.transpose()? else { return Ok(None) };
            self.decoder.push(&chunk, &mut self.decoded).map_err(unintelligible)?;
        }
    }
}

/// None for what this version does not know.
fn item(decoded: sse::Item) -> Result<Option<Item>, ClientError> {
    let (name, data, id) = match decoded {
        sse::Item::Event { name, data, id } => (name, data, id),
        sse::Item::Moved { id } => return Ok(cursor(&id)?.map(Item::Moved)),
    };
    let cursor = cursor(&id)?;
    Ok(match name.as_str() {
        "" | "message" => {
            let WireEvent { event, coalesced_from } = WireEvent::parse(data.as_bytes()).map_err(unintelligible)?;
            let cursor = cursor.unwrap_or(Cursor { epoch: None, seq: event.seq });
            Some(Item::Event { event, cursor, coalesced_from })
        }
        "snapshot" => Some(Item::Snapshot(Box::new(serde_json::from_str::<Snapshot>(&data).map_err(unintelligible)?))),
        "caught_up" => Some(Item::CaughtUp { cursor }),
        "reset" => {
            let Reset { reason } = serde_json::from_str(&data).map_err(unintelligible)?;
            Some(Item::Reset { reason })
        }
        "end" => Some(Item::End { cursor }),
        _ => None,
    })
}

fn cursor(id: &str) -> Result<Option<Cursor>, ClientError> {
    (!id.is_empty()).then(|| id.parse().map_err(unintelligible)).transpose()
}

fn unintelligible(error: impl std::fmt::Display) -> ClientError {
    ClientError::Unintelligible(error.to_string())
}
