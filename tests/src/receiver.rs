//! Somebody who is told things over HTTP, and answers as the test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::server::PATIENCE;

/// A request that was received.
#[derive(Debug, Clone)]
pub struct Request {
    /// By their names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Value,
}

/// A receiver on this machine. It answers 204, unless it was told to refuse.
#[derive(Clone)]
pub struct Receiver(Arc<Shared>);

struct Shared {
    address: String,
    refusing: Mutex<bool>,
    requests: Mutex<Vec<Request>>,
    news: Notify,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let (refusing, requests, news) = (Mutex::default(), Mutex::default(), Notify::new());
        let receiver = Self(Arc::new(Shared { address, refusing, requests, news }));
        let shared = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let receiver = shared.clone();
                tokio::spawn(async move { receiver.serve(stream).await });
            }
        });
        receiver
    }

    pub fn url(&self) -> &str {
        &self.0.address
    }

    /// From now on everything is answered with 503, or with 204 again.
    pub fn refuse(&self, refusing: bool) {
        *self.0.refusing.lock().unwrap() = refusing;
    }

    /// What was received so far, as soon as `is_so`.
    pub async fn until(&self, is_so: impl Fn(&[Request]) -> bool) -> Vec<Request> {
        let looking = async {
            loop {
                let requests = self.0.requests.lock().unwrap().clone();
                if is_so(&requests) {
                    return requests;
                }
                self.0.news.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the receiver was never told")
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        loop {
            let headers = head(&mut stream).await?;
            let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
            stream.read_exact(&mut body).await.ok()?;
            let request = Request { headers, body: serde_json::from_slice(&body).ok()? };
            self.0.requests.lock().unwrap().push(request);
            let status = if *self.0.refusing.lock().unwrap() { "503 Service Unavailable" } else { "204 No Content" };
            self.0.news.notify_one();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).await.ok()?;
        }
    }
}

/// The headers of the next request; none at the end.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<HashMap<String, String>> {
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((name, value)) => drop(headers.insert(name.to_ascii_lowercase(), value.to_owned())),
            None if line.trim().is_empty() => return Some(headers),
            None => {}
        }
    }
}
