//! Followers of event streams, Server-Sent Events or `WebSocket` frames, read for their stamps only.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::JoinSet;

use crate::clock;
use crate::connection::connect;
use crate::error::Error;
use crate::payload::{MARKER, Stamp};
use crate::scan::Scanner;
use crate::tally::Tally;

/// Connections that are opened at a time when nobody measures how fast.
const WAVE: usize = 100;

/// Bytes read at once, into a buffer that all readers of the thread share: there is one of them at work at a time.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

/// Open streams. They are closed when it is dropped.
pub(crate) struct Followers {
    _tasks: JoinSet<()>,
}

impl Followers {
    /// Opens a stream for each of `paths`, some at a time, and returns when all of them are.
    pub(crate) async fn connect(host: SocketAddr, paths: &[String], tally: &Rc<Tally>) -> Result<Self, Error> {
        let mut tasks = JoinSet::new();
        for wave in paths.chunks(WAVE) {
            spawn_each(host, wave, tally, &mut tasks);
            let open = tasks.len() as u64;
            tally.ready.reach(open, std::time::Duration::from_secs(20)).await?;
        }
        Ok(Self { _tasks: tasks })
    }

    /// Opens a stream for each of `paths`, all at once, and does not wait for any.
    pub(crate) fn storm(host: SocketAddr, paths: &[String], tally: &Rc<Tally>) -> Self {
        let mut tasks = JoinSet::new();
        spawn_each(host, paths, tally, &mut tasks);
        Self { _tasks: tasks }
    }
}

fn spawn_each(host: SocketAddr, paths: &[String], tally: &Rc<Tally>, tasks: &mut JoinSet<()>) {
    for path in paths {
        let request = request(host, path);
        let tally = Rc::clone(tally);
        tasks.spawn_local(async move {
            if let Err(error) = follow(host, request.into_bytes(), &tally).await {
                tally.fault(error);
            }
        });
    }
}

/// What opens the stream at `path`: a `WebSocket` for pages of projects, Server-Sent Events for everything else.
fn request(host: SocketAddr, path: &str) -> String {
    let wanted = if path.starts_with("/api/stream/") {
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: bWlsZXBvc3QgYmVuY2ghIQ=="
    } else {
        "Accept: text/event-stream"
    };
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{wanted}\r\n\r\n")
}

/// Follows one stream until it closes, which nothing that is measured should make it do.
async fn follow(host: SocketAddr, request: Vec<u8>, tally: &Tally) -> Result<(), &'static str> {
    let (reader, writer) = connect(host).await.map_err(|_| "connection refused")?.into_split();
    let sent = writer.try_write(&request).is_ok_and(|written| written == request.len());
    drop(request);
    if !sent {
        return Err("request not taken");
    }
    let mut scanner = Scanner::new(MARKER);
    let mut next: Option<u32> = None;
    let mut open = false;
    each_read(reader, |bytes| {
        tally.read(bytes.len());
        if !open {
            open = bytes.starts_with(b"HTTP/1.1 200") || bytes.starts_with(b"HTTP/1.1 101");
            if !open {
                return Err("stream refused");
            }
            tally.ready.add(1);
        }
        let now = clock::now();
        scanner.scan(bytes, |text| {
            let Some(stamp) = Stamp::read(text) else { return };
            if next.is_some_and(|next| next != stamp.index) {
                tally.fault("event out of order, twice or missing");
            }
            next = Some(stamp.index.wrapping_add(1));
            tally.arrive(stamp.due, now);
        });
        Ok(())
    })
    .await
}

/// Hands over what arrives, until the other side closes. A short read says that the socket is empty: no second call to find out.
pub(crate) async fn each_read(
    mut reader: OwnedReadHalf,
    mut take: impl FnMut(&[u8]) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    poll_fn(|context| {
        BUFFER.with_borrow_mut(|buffer| {
            loop {
                let mut buffer = ReadBuf::new(buffer);
                let read: io::Result<()> = ready!(Pin::new(&mut reader).poll_read(context, &mut buffer));
                if read.is_err() || buffer.filled().is_empty() {
                    return Poll::Ready(Err("connection closed by the server"));
                }
                take(buffer.filled())?;
            }
        })
    })
    .await
}
