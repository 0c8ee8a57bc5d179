//! Reading events from stdin.

use std::io::{self, BufRead as _, Read as _};

use milepost_core::RunId;
use milepost_wire::native::requests::InputEvent;
use tokio::sync::mpsc::{Receiver, channel};

use crate::failure::Failure;

/// Lines in one batch, and lines that are read ahead.
const BATCH_LINES: usize = 500;

/// Bytes in one batch, to stay well below the body that a server takes.
const BATCH_BYTES: usize = 512 * 1024;

/// Bytes of one line. An event's data has at most 256 KiB; the rest is for escapes and the envelope.
const LINE_BYTES: u64 = 2 * 1024 * 1024;

/// The lines of stdin as they come.
pub(super) struct Lines {
    receiver: Receiver<Line>,
    /// What did not fit into the batch before.
    kept: Option<Line>,
}

/// A line, or why there are no more of them.
pub(super) struct Line {
    /// From 1 on.
    pub(super) number: u64,
    text: io::Result<Vec<u8>>,
}

impl Lines {
    /// Begins to read.
    pub(super) fn of_stdin() -> Result<Self, Failure> {
        let (sender, receiver) = channel(BATCH_LINES);
        // A thread of its own: one of the runtime's would keep the process from ending while it waits for a line.
        let reader = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            let mut stdin = io::stdin().lock();
            for number in 1.. {
                let mut text = Vec::new();
                let read = (&mut stdin).take(LINE_BYTES).read_until(b'\n', &mut text);
                let line = match read {
                    Ok(0) => break,
                    Ok(_) => Line { number, text: Ok(text) },
                    Err(error) => Line { number, text: Err(error) },
                };
                let last = line.text.is_err();
                if sender.blocking_send(line).is_err() || last {
                    break;
                }
            }
        });
        reader.map_err(|error| Failure::new(format!("stdin cannot be read: {error}")))?;
        Ok(Self { receiver, kept: None })
    }

    /// What has come, as soon as there is something; none at the end.
    pub(super) async fn next_batch(&mut self) -> Option<Vec<Line>> {
        let first = match self.kept.take() {
            Some(line) => line,
            None => self.receiver.recv().await?,
        };
        let mut bytes = first.len();
        let mut batch = vec![first];
        while batch.len() < BATCH_LINES
            && let Ok(line) = self.receiver.try_recv()
        {
            bytes += line.len();
            if bytes > BATCH_BYTES {
                self.kept = Some(line);
                break;
            }
            batch.push(line);
        }
        Some(batch)
    }
}

impl Line {
    /// The event of the line, none for an empty one.
    pub(super) fn event(&self, run: &RunId) -> Result<Option<InputEvent>, Failure> {
        let number = self.number;
        let text = match &self.text {
            Ok(text) => text.trim_ascii(),
            Err(error) => return Err(Failure::new(format!("line {number} cannot be read: {error}"))),
        };
        if self.len() as u64 == LINE_BYTES {
            return Err(Failure::new(format!("line {number}: it is longer than {LINE_BYTES} bytes (limit_exceeded)")));
        }
        if text.is_empty() {
            return Ok(None);
        }
        let refused = |rejected: milepost_wire::Rejected| {
            let hint = "an event looks like {\"type\":\"run.progressed\",\"data\":{\"current\":3,\"total\":10}}";
            Failure::new(format!("line {number}: {} ({})", rejected.detail, rejected.code)).hint(hint)
        };
        let event = InputEvent::parse(text).map_err(refused)?;
        // What the server would refuse is refused here, where the line is known.
        event.clone().draft(run).map_err(refused)?;
        Ok(Some(event))
    }

    fn len(&self) -> usize {
        self.text.as_ref().map(Vec::len).unwrap_or_default()
    }
}
