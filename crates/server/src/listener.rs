//! Accepting connections: bounded in number, in buffers and in the time that a request may take to arrive, and drained
//! when the server stops. `axum::serve` has none of these.

mod socket;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::app::App;
use crate::caps::{CONNECTION_BUFFER_BYTES, CONNECTIONS, HEAD_TIMEOUT, HEADERS, REFUSALS};
use socket::Socket;

/// How long to wait when the system has no more file descriptors; a connection may end meanwhile.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// How long a refused client has to read why.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// The one answer that is not made by a handler: there is no room for one.
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 1\r\n\
    Connection: close\r\nContent-Length: 174\r\n\r\n\
    {\"type\":\"urn:milepost:problem:too_many_connections\",\"title\":\"The server has as many connections as it takes.\",\
    \"status\":503,\"detail\":\"try again\",\"code\":\"too_many_connections\"}";

/// What accepts connections.
pub(crate) struct Listener {
    app: App,
    router: Router,
    http: http1::Builder,
    room: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    /// Cancelled when waiting for open answers is over.
    abort: CancellationToken,
}

impl Listener {
    pub(crate) fn new(app: App, router: Router, abort: CancellationToken) -> Self {
        Self::with_room(app, router, abort, CONNECTIONS)
    }

    fn with_room(app: App, router: Router, abort: CancellationToken, connections: usize) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(CONNECTION_BUFFER_BYTES)
            .max_headers(HEADERS);
        let (room, refusals) = (Arc::new(Semaphore::new(connections)), Arc::new(Semaphore::new(REFUSALS)));
        Self { app, router, http, room, refusals, abort }
    }

    /// Accepts until the server shuts down. Connections go on by themselves, and end soon after.
    pub(crate) async fn run(self, listener: TcpListener) {
        let shutdown = self.app.shutdown().clone();
        while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
            match accepted {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) => {
                    // The client gave up already, or there is no file descriptor left. Neither ends the server.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(OUT_OF_FILES).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream) {
        let Ok(permit) = self.room.clone().try_acquire_owned() else { return self.refuse(stream) };
        // Frames leave at once: they are put together before they are written.
        if stream.set_nodelay(true).is_err() {
            return; // it is closed already
        }
        let socket = Socket::new(stream, permit, self.app.metrics().connection());
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let answer = router.clone().call(request);
            async { Ok::<_, Infallible>(answer.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = self.http.serve_connection(TokioIo::new(socket), service).with_upgrades();
        let (shutdown, abort) = (self.app.shutdown().clone(), self.abort.clone());
        // Boxed, because a future that pins what it was given has room for it twice.
        let mut connection = Box::pin(connection);
        self.app.tasks().spawn(async move {
            let drained = async {
                tokio::select! {
                    ended = connection.as_mut() => return ended,
                    () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                connection.await
            };
            // What goes wrong on a connection concerns its client, who knows.
            if let Some(Err(error)) = abort.run_until_cancelled(drained).await {
                tracing::trace!(%error, "a connection ended");
            }
        });
    }

    /// Tells a client that there are too many, if not too many are being told.
    fn refuse(&self, mut stream: TcpStream) {
        self.app.metrics().connection_refused();
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else { return };
        self.app.tasks().spawn(async move {
            let telling = async {
                stream.write_all(REFUSAL).await?;
                stream.shutdown().await?;
                // Closing with unread data would reset the connection before the client has read the answer.
                let mut rest = [0; 1_024];
                while stream.read(&mut rest).await? > 0 {}
                Ok::<_, std::io::Error>(())
            };
            drop(tokio::time::timeout(REFUSAL_TIMEOUT, telling).await);
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use axum::routing::get;

    use crate::testing;

    /// Sends a request on a connection of its own, and reads what is answered.
    async fn ask(socket: &mut TcpStream) -> String {
        socket.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 4_096];
        let length = socket.read(&mut answer).await.unwrap();
        answer.truncate(length);
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn one_connection_too_many_is_told_so() {
        let (app, _directory) = testing::app().await;
        let router = Router::new().route("/", get(|| async { "hello" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = Listener::with_room(app.clone(), router, CancellationToken::new(), 1).run(listener);
        let accepting = tokio::spawn(accepting);

        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut second).await.starts_with("HTTP/1.1 503"));
        drop(first);
        // There is room as soon as the server has noticed that the first one is gone.
        loop {
            let mut third = TcpStream::connect(address).await.unwrap();
            if ask(&mut third).await.starts_with("HTTP/1.1 200") {
                break;
            }
        }
        app.shutdown().cancel();
        accepting.await.unwrap();
        app.tasks().close();
        app.tasks().wait().await;
    }

    #[test]
    fn the_refusal_is_http() {
        let text = std::str::from_utf8(REFUSAL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
        let problem: milepost_wire::native::Problem = serde_json::from_str(body).unwrap();
        assert_eq!(problem.known_code(), Some(milepost_core::Code::TooManyConnections));
    }
}
