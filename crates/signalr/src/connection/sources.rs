//! The sources that are attached to a connection.

use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::link::{Link, SourceKey};
use super::output::Output;
use crate::protocol::{EncodeError, Protocol, SharedMessage};

/// Items taken from one source before the next has its turn.
const TURN: usize = 32;

#[derive(Default)]
pub(super) struct Sources {
    sources: Vec<(SourceKey, BoxStream<'static, SharedMessage>)>,
    /// Whose turn is next, so that a busy source does not silence the others when there is little room.
    next: usize,
}

impl Sources {
    pub(super) fn attach(&mut self, key: SourceKey, source: BoxStream<'static, SharedMessage>) {
        self.sources.push((key, source));
    }

    pub(super) fn detach(&mut self, key: SourceKey, link: &Link) {
        let before = self.sources.len();
        self.sources.retain(|(known, _)| *known != key);
        if self.sources.len() < before {
            link.source_ended();
        }
    }

    /// Takes from all sources until none has anything or there is no more room.
    pub(super) fn fill(
        &mut self,
        context: &mut Context<'_>,
        output: &mut Output,
        protocol: Protocol,
        link: &Link,
    ) -> Result<(), EncodeError> {
        // So many sources in a row had nothing.
        let mut idle = 0;
        while idle < self.sources.len() && output.has_room() {
            self.next %= self.sources.len();
            let source = &mut self.sources[self.next].1;
            let mut ended = false;
            idle += 1;
            for _ in 0..TURN {
                if !output.has_room() {
                    break;
                }
                match source.poll_next_unpin(context) {
                    Poll::Ready(Some(message)) => {
                        output.push(message.bytes(protocol)?);
                        idle = 0;
                    }
                    Poll::Ready(None) => ended = true,
                    Poll::Pending => break,
                }
                if ended {
                    break;
                }
            }
            if ended {
                drop(self.sources.remove(self.next));
                link.source_ended();
                idle = 0;
            } else {
                self.next += 1;
            }
        }
        Ok(())
    }
}
