//! A plain HTTP/1.1 connection, for what prepares a measurement and for whole answers.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::Error;
use crate::websocket;

/// Requests that are under way at once. Few enough that their answers fit into a socket's buffer.
const PIPELINED: usize = 50;

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    host: SocketAddr,
    unread: Vec<u8>,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(host: SocketAddr) -> Result<Self, Error> {
        Ok(Self { stream: connect(host).await?, host, unread: Vec::new() })
    }

    /// `GET`s a whole answer; a status other than 200 is an error.
    pub(crate) async fn get(&mut self, path: &str) -> Result<Answer, Error> {
        let host = self.host;
        self.write(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: application/json\r\n\r\n").as_bytes())
            .await?;
        self.read_answer().await?.successful("GET", path)
    }

    /// Posts JSON; a status outside of 2xx is an error.
    pub(crate) async fn post(&mut self, path: &str, json: &[u8]) -> Result<Answer, Error> {
        self.write(&post(self.host, path, json)).await?;
        self.read_answer().await?.successful("POST", path)
    }

    /// Posts each of `bodies`, many at a time; the first refusal is an error.
    pub(crate) async fn post_all(&mut self, requests: &[(String, Vec<u8>)]) -> Result<(), Error> {
        for group in requests.chunks(PIPELINED) {
            let bytes: Vec<u8> = group.iter().flat_map(|(path, json)| post(self.host, path, json)).collect();
            self.write(&bytes).await?;
            for (path, _) in group {
                self.read_answer().await?.successful("POST", path)?;
            }
        }
        Ok(())
    }

    /// Asks for a WebSocket and hands over the socket once the server has agreed.
    pub(crate) async fn upgrade(mut self, path: &str) -> Result<TcpStream, Error> {
        let host = self.host;
        self.write(websocket::request(host, path).as_bytes()).await?;
        let head = loop {
            if let Some(head) = parse_head(&self.unread)? {
                break head;
            }
            self.read_more().await?;
        };
        let body = self.unread.split_off(head.len);
        if head.status != 101 {
            return Err(Answer { status: head.status, body }.refused("GET", path));
        }
        Ok(self.stream)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(Error::io("cannot write to the server"))
    }

    async fn read_answer(&mut self) -> Result<Answer, Error> {
        loop {
            if let Some(head) = parse_head(&self.unread)? {
                let length = head.body.ok_or(Error::Protocol("an answer without Content-Length"))?;
                while self.unread.len() < head.len + length {
                    self.read_more().await?;
                }
                let rest = self.unread.split_off(head.len + length);
                let answer = std::mem::replace(&mut self.unread, rest);
                return Ok(Answer { status: head.status, body: answer[head.len..].to_vec() });
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<(), Error> {
        self.unread.reserve(256 * 1024);
        match self.stream.read_buf(&mut self.unread).await {
            Ok(0) => Err(Error::Protocol("the server closed a connection that was in use")),
            Ok(_) => Ok(()),
            Err(source) => Err(Error::io("cannot read from the server")(source)),
        }
    }
}

impl Answer {
    /// Its JSON; null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What its JSON has under `member`.
    pub(crate) fn number(&self, member: &str) -> Result<u64, Error> {
        self.json()[member].as_u64().ok_or(Error::Protocol("an answer without the number that it should have"))
    }

    fn successful(self, method: &str, path: &str) -> Result<Self, Error> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.refused(method, path)) }
    }

    fn refused(&self, method: &str, path: &str) -> Error {
        let body = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        Error::Refused { request: format!("{method} {path}"), status: self.status, body }
    }
}

/// Connects to the server, for many small writes.
pub(crate) async fn connect(host: SocketAddr) -> Result<TcpStream, Error> {
    let stream = TcpStream::connect(host).await.map_err(Error::io("cannot connect to the server"))?;
    stream.set_nodelay(true).map_err(Error::io("cannot set TCP_NODELAY"))?;
    Ok(stream)
}

/// A request as bytes.
pub(crate) fn post(host: SocketAddr, path: &str, json: &[u8]) -> Vec<u8> {
    let mut request = post_head(host, path, json.len());
    request.extend_from_slice(json);
    request
}

/// A request up to its body, which has `length` bytes.
pub(crate) fn post_head(host: SocketAddr, path: &str, length: usize) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

struct Head {
    status: u16,
    /// Bytes up to the body.
    len: usize,
    /// Bytes of the body, if it says so.
    body: Option<usize>,
}

/// Reads the head of an answer; `None` if it is not whole.
fn parse_head(bytes: &[u8]) -> Result<Option<Head>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|_| Error::Protocol("an answer that is not HTTP/1.1"))?;
    let httparse::Status::Complete(len) = parsed else { return Ok(None) };
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body = length.and_then(|header| str::from_utf8(header.value).ok()?.parse().ok());
    Ok(Some(Head { status: response.code.unwrap_or_default(), len, body }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200";
        let head = parse_head(text).unwrap().unwrap();
        assert_eq!((head.status, head.len, head.body), (201, 43, Some(2)));
        assert!(parse_head(&text[..40]).unwrap().is_none());
        assert!(parse_head(b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
    }
}
