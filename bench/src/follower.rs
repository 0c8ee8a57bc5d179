//! Followers of event streams, Server-Sent Events or `WebSocket` frames, read for their stamps only.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use crate::clock;
use crate::connection::connect;
use crate::error::Error;
use crate::opening::Opening;
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
    /// Opens each of `openings`, some at a time, and returns when all of them are.
    pub(crate) async fn connect(host: SocketAddr, openings: &[Opening], tally: &Rc<Tally>) -> Result<Self, Error> {
        let mut tasks = JoinSet::new();
        for wave in openings.chunks(WAVE) {
            spawn_each(host, wave, tally, &mut tasks);
            let open = tasks.len() as u64;
            tally.ready.reach(open, std::time::Duration::from_secs(20)).await?;
        }
        Ok(Self { _tasks: tasks })
    }

    /// Opens each of `openings`, all at once, and does not wait for any.
    pub(crate) fn storm(host: SocketAddr, openings: &[Opening], tally: &Rc<Tally>) -> Self {
        let mut tasks = JoinSet::new();
        spawn_each(host, openings, tally, &mut tasks);
        Self { _tasks: tasks }
    }
}

fn spawn_each(host: SocketAddr, openings: &[Opening], tally: &Rc<Tally>, tasks: &mut JoinSet<()>) {
    for opening in openings {
        let (opening, tally) = (opening.clone(), Rc::clone(tally));
        tasks.spawn_local(async move {
            if let Err(error) = follow(host, opening, &tally).await {
                tally.fault(error);
            }
        });
    }
}

/// Follows one stream until it closes, which nothing that is measured should make it do.
async fn follow(host: SocketAddr, opening: Opening, tally: &Tally) -> Result<(), &'static str> {
    let (reader, writer) = connect(host).await.map_err(|_| "connection refused")?.into_split();
    say(&writer, opening.request(host).as_bytes())?;
    let mut scanner = Scanner::new(MARKER);
    let mut next: Option<u32> = None;
    let mut phase = Phase::Asked(opening);
    each_read(reader, |bytes| {
        tally.read(bytes.len());
        phase.hear(bytes, &writer, tally)?;
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

/// How far the opening of a stream has come.
enum Phase {
    Asked(Opening),
    Greeted(Box<Scanner<0>>),
    Followed,
}

impl Phase {
    fn hear(&mut self, bytes: &[u8], writer: &OwnedWriteHalf, tally: &Tally) -> Result<(), &'static str> {
        if let Self::Asked(opening) = self {
            if !bytes.starts_with(b"HTTP/1.1 200") && !bytes.starts_with(b"HTTP/1.1 101") {
                return Err("stream refused");
            }
            say(writer, opening.greeting())?;
            *self = Self::Greeted(Box::new(Scanner::new(opening.followed)));
        }
        if let Self::Greeted(scanner) = self {
            let mut followed = false;
            scanner.scan(bytes, |[]| followed = true);
            if followed {
                tally.ready.add(1);
                *self = Self::Followed;
            }
        }
        Ok(())
    }
}

/// Writes what is small enough for the buffer of any socket.
fn say(writer: &OwnedWriteHalf, bytes: &[u8]) -> Result<(), &'static str> {
    let said = bytes.is_empty() || writer.try_write(bytes).is_ok_and(|written| written == bytes.len());
    if said { Ok(()) } else { Err("request not taken") }
}

/// Hands over what arrives, as `each_read` does, and counts the end as a fault.
pub(crate) async fn read_into(tally: &Tally, reader: OwnedReadHalf, mut take: impl FnMut(&[u8])) {
    let closed = each_read(reader, |bytes| {
        take(bytes);
        Ok(())
    });
    if let Err(fault) = closed.await {
        tally.fault(fault);
    }
}

/// Hands over what arrives, until the other side closes. A short read says that the socket is empty: no second call to find out.
async fn each_read(
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
