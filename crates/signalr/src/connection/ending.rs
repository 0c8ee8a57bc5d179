//! How connections end.

use std::fmt::Display;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::Command;
use super::carrier::{Carrier, PollAnswer};
use super::driver::Driver;
use super::output::Written;
use crate::hub::dispatch::DisconnectReason;
use crate::hub::error::HubError;
use crate::metrics::ConnectionStatus;
use crate::protocol::handshake::{self, HandshakeError};
use crate::protocol::{FrameError, Message};

/// The end of a connection, and what the client is told of it.
#[derive(Debug)]
pub(super) struct Ending {
    reason: DisconnectReason,
    last_word: LastWord,
    status: ConnectionStatus,
    /// Whether the server is to blame.
    failed: bool,
}

#[derive(Debug)]
enum LastWord {
    None,
    /// An answer to the handshake.
    Handshake(Bytes),
    Close {
        error: Option<String>,
        allow_reconnect: bool,
    },
}

impl Ending {
    fn new(reason: DisconnectReason, last_word: LastWord, status: ConnectionStatus) -> Self {
        Self { reason, last_word, status, failed: false }
    }

    fn normal(reason: DisconnectReason, last_word: LastWord) -> Self {
        Self::new(reason, last_word, ConnectionStatus::NormalClosure)
    }

    /// The client is done.
    pub(super) fn closed() -> Self {
        Self::normal(DisconnectReason::Closed, LastWord::None)
    }

    pub(super) fn lost() -> Self {
        Self::normal(DisconnectReason::Lost, LastWord::None)
    }

    pub(super) fn aborted() -> Self {
        Self::normal(DisconnectReason::Aborted, close(None, false))
    }

    pub(super) fn shutting_down() -> Self {
        Self::new(DisconnectReason::ShuttingDown, close(None, true), ConnectionStatus::AppShutdown)
    }

    pub(super) fn too_slow() -> Self {
        Self::normal(DisconnectReason::TooSlow, close(Some(CLOSED.to_owned()), true))
    }

    /// Nobody came, or came back.
    pub(super) fn abandoned() -> Self {
        Self::new(DisconnectReason::TimedOut, LastWord::None, ConnectionStatus::Timeout)
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        let error = format!(
            "Client hasn't sent a message/ping within the configured ClientTimeoutInterval of {} s.",
            after.as_secs_f64()
        );
        tracing::debug!(error);
        Self::new(DisconnectReason::TimedOut, close(Some(CLOSED.to_owned()), true), ConnectionStatus::Timeout)
    }

    pub(super) fn handshake_timed_out() -> Self {
        let mut ending = Self::handshake(&HandshakeError::Canceled);
        (ending.reason, ending.status) = (DisconnectReason::TimedOut, ConnectionStatus::Timeout);
        ending
    }

    pub(super) fn handshake(error: &HandshakeError) -> Self {
        let last_word = LastWord::Handshake(handshake::refused(error));
        Self::normal(DisconnectReason::Protocol(error.to_string()), last_word)
    }

    pub(super) fn bad_frame(error: &FrameError, detailed: bool) -> Self {
        Self::bad_message(error, detailed)
    }

    pub(super) fn bad_message(error: &impl Display, detailed: bool) -> Self {
        let told = if detailed { format!("{CLOSED} InvalidDataException: {error}") } else { CLOSED.to_owned() };
        Self::normal(DisconnectReason::Protocol(error.to_string()), close(Some(told), true))
    }

    pub(super) fn not_connected(error: &HubError, detailed: bool) -> Self {
        let last_word = close(Some(error.told(CLOSED, detailed)), false);
        Self::normal(DisconnectReason::Failed(error.to_string()), last_word)
    }

    pub(super) fn unencodable(error: &impl Display, detailed: bool) -> Self {
        let told = if detailed { format!("{CLOSED} {error}") } else { CLOSED.to_owned() };
        tracing::error!(%error, "a message could not be sent");
        let mut ending = Self::normal(DisconnectReason::Failed(error.to_string()), close(Some(told), true));
        ending.failed = true;
        ending
    }
}

const CLOSED: &str = "Connection closed with an error.";

fn close(error: Option<String>, allow_reconnect: bool) -> LastWord {
    LastWord::Close { error, allow_reconnect }
}

impl Driver {
    /// Says the last word, waits a while for the client to hear it, and tells the application.
    pub(super) async fn end(mut self: Box<Self>, ending: Ending) {
        let Ending { reason, last_word, status, failed } = ending;
        tracing::debug!(connection = self.link.id(), ?reason, "a connection ends");
        let lived = self.lived();
        self.link.close();
        // A client that is gone finds nothing any more; one that is told something may still ask for it.
        let silent = matches!(last_word, LastWord::None);
        if silent {
            self.server.forget(&self.endpoint);
        }
        match last_word {
            LastWord::None => {}
            LastWord::Handshake(bytes) => self.output.push_raw(bytes),
            LastWord::Close { error, allow_reconnect } => {
                self.output.control(&Message::Close { error, allow_reconnect });
            }
        }
        let session = self.stop();
        let patience = self.server.options.close_timeout;
        let disconnected = async {
            if let Some(session) = &session {
                session.disconnected(reason).await;
            }
        };
        let (closed, ()) = futures_util::join!(timeout(patience, self.part(silent, failed)), disconnected);
        if closed.is_err() {
            tracing::debug!(connection = self.link.id(), "a client did not close its side");
        }
        if let Some((transport, duration)) = lived {
            self.server.metrics.connection_ended(transport, status, duration);
        }
    }

    /// Writes what is left if somebody is to hear it, and closes the transport.
    async fn part(&mut self, silent: bool, failed: bool) {
        match self.carrier {
            Carrier::None => return,
            Carrier::LongPolling { .. } if !silent => return self.part_polling().await,
            _ if silent => return self.carrier.close(failed).await,
            _ => {}
        }
        let (output, carrier) = (&mut self.output, &mut self.carrier);
        poll_fn(|context| match output.write(carrier, context) {
            Written::Lost => Poll::Ready(()),
            Written::Some(..) if output.blocked_since.is_none() => Poll::Ready(()),
            Written::Some(..) => Poll::Pending,
        })
        .await;
        self.carrier.close(failed).await;
    }

    /// Answers the polls that still come: with what is left, then with the news that nothing follows.
    async fn part_polling(&mut self) {
        loop {
            let (output, carrier) = (&mut self.output, &mut self.carrier);
            poll_fn(|context| {
                let _written = output.write(carrier, context);
                Poll::Ready(())
            })
            .await;
            if output.is_empty()
                && let Carrier::LongPolling { poll } = carrier
                && let Some(poll) = poll.take()
            {
                drop(poll.send(PollAnswer::Gone));
                return;
            }
            match self.commands.recv().await {
                Some(Command::Poll(boxed)) => {
                    if let Carrier::LongPolling { poll } = &mut self.carrier {
                        *poll = Some(boxed.0);
                    }
                }
                // Dropping a POST's sender answers it.
                Some(Command::Data(_) | Command::WebSocket(_) | Command::Sse(_)) => {}
                Some(Command::Delete) | None => return,
            }
        }
    }
}
