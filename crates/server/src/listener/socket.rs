//! A socket that counts as a connection for as long as it is open, also after it was upgraded to a WebSocket, and that
//! breaks when its client does not read.

use std::cell::RefCell;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::caps::WRITE_STALL;
use crate::metrics::OpenGuard;

/// Up to here pieces are put together before they are written.
const JOINED_BYTES: usize = 4 * 1024;

thread_local! {
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(JOINED_BYTES));
}

pub(super) struct Socket<S> {
    stream: S,
    /// When the client has to have read something; only while it does not.
    stalled: Option<Pin<Box<Sleep>>>,
    _room: OwnedSemaphorePermit,
    _count: OpenGuard,
}

impl<S: AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(stream: S, room: OwnedSemaphorePermit, count: OpenGuard) -> Self {
        Self { stream, stalled: None, _room: room, _count: count }
    }

    /// Lets what was written through, and breaks off what could not be written for too long.
    fn bounded(&mut self, context: &mut Context<'_>, written: Poll<Result<usize>>) -> Poll<Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + WRITE_STALL)));
        match stalled.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client does not read"))),
        }
    }
}

/// Copies small pieces into one. A frame with the lines around it is three pieces of some hundred bytes: copying those costs the
/// processor less than the system call that takes a list.
fn joined(pieces: &[IoSlice<'_>]) -> Option<usize> {
    let length = pieces.iter().map(|piece| piece.len()).sum();
    if length > JOINED_BYTES {
        return None;
    }
    JOINED.with_borrow_mut(|joined| {
        joined.clear();
        pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
    });
    Some(length)
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = match joined(pieces) {
            Some(length) => {
                JOINED.with_borrow(|joined| Pin::new(&mut self.stream).poll_write(context, &joined[..length]))
            }
            None => Pin::new(&mut self.stream).poll_write_vectored(context, pieces),
        };
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::Semaphore;

    use super::*;
    use crate::metrics::Metrics;

    fn socket() -> (Socket<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(4);
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        (Socket::new(ours, room, Metrics::new().connection()), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_given_up() {
        let (mut socket, _theirs) = socket();
        let begun = Instant::now();
        let error = socket.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(begun.elapsed(), WRITE_STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_waited_for() {
        let (mut socket, mut theirs) = socket();
        let reading = async {
            let mut read = [0; 14];
            for byte in read.chunks_mut(1) {
                tokio::time::sleep(WRITE_STALL / 2).await;
                theirs.read_exact(byte).await.unwrap();
            }
            read
        };
        let (written, read) = tokio::join!(socket.write_all(b"more than fits"), reading);
        written.unwrap();
        assert_eq!(&read, b"more than fits");
    }
}
