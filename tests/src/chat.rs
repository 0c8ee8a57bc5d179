//! A chat endpoint that says what a test wants: the service of somebody else.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How a call is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer in pieces, with a pause before each.
    Say(Vec<String>, Duration),
    /// The beginning of an answer; then the connection ends.
    BreakOff(String),
    /// Another status, with headers (each `Name: value`) and a body.
    Refuse(u16, Vec<String>, String),
    /// A success with JSON, as for a picture.
    Json(Value),
    /// A success that is no event stream.
    Nonsense(String),
    /// An event stream that is none.
    Garbage(String),
    /// Nothing, for as long as the caller waits.
    Silence,
}

impl Reply {
    /// An answer in one piece.
    pub fn text(text: &str) -> Self {
        Self::Say(vec![text.to_owned()], Duration::ZERO)
    }
}

type Script = dyn Fn(&Value, usize) -> Reply + Send + Sync;

/// The endpoint. It goes away when it is dropped.
pub struct Chat {
    address: String,
    calls: Arc<Mutex<Vec<Call>>>,
    open: Arc<()>,
    task: tokio::task::JoinHandle<()>,
}

/// A call that came.
#[derive(Debug, Clone)]
pub struct Call {
    pub authorization: String,
    pub body: Value,
}

impl Chat {
    /// `script` is told the body of each call and how many came before.
    pub async fn start(script: impl Fn(&Value, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (calls, script, open) = (Arc::new(Mutex::new(Vec::new())), Arc::new(script), Arc::new(()));
        let task = tokio::spawn({
            let (calls, open) = (calls.clone(), open.clone());
            async move {
                while let Ok((socket, _)) = listener.accept().await {
                    let (calls, script, open) = (calls.clone(), script.clone(), open.clone());
                    tokio::spawn(async move {
                        let _open = open;
                        // A caller that goes away in the middle is none of our business.
                        drop(serve(socket, &calls, &*script).await);
                    });
                }
            }
        });
        Self { address, calls, open, task }
    }

    /// What `campaign.llm.base_url` has to be.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The settings of a server that uses it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let settings = [("BASE_URL", self.url()), ("MODEL", "parrot-1".to_owned()), ("KEY", "sk-hush".to_owned())];
        settings.into_iter().map(|(name, value)| (format!("MILEPOST_CAMPAIGN__LLM__{name}"), value)).collect()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        // One is ours, one is the listener's.
        Arc::strong_count(&self.open).saturating_sub(2)
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether a call asks for the analysis of the brief, and not for a post.
pub fn asks_for_analysis(body: &Value) -> bool {
    body["messages"].to_string().contains("one JSON object")
}

async fn serve(socket: TcpStream, calls: &Mutex<Vec<Call>>, script: &Script) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    let (mut length, mut authorization, mut line) = (0, String::new(), String::new());
    while socket.read_line(&mut line).await? > 2 {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap(),
            "authorization" => value.trim().clone_into(&mut authorization),
            _ => {}
        }
        line.clear();
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await?;
    let body: Value = serde_json::from_slice(&body).unwrap();
    let before = {
        let mut calls = calls.lock().unwrap();
        calls.push(Call { authorization, body: body.clone() });
        calls.len() - 1
    };
    answer(socket.get_mut(), script(&body, before)).await
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

async fn answer(socket: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Say(pieces, pause) => {
            socket.write_all(STREAM.as_bytes()).await?;
            for piece in &pieces {
                tokio::time::sleep(pause).await;
                socket.write_all(chunk(piece).as_bytes()).await?;
            }
            let usage = json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 10, "completion_tokens": pieces.len()}});
            socket.write_all(format!("data: {usage}\n\ndata: [DONE]\n\n").as_bytes()).await
        }
        Reply::BreakOff(text) => {
            socket.write_all(STREAM.as_bytes()).await?;
            socket.write_all(chunk(&text).as_bytes()).await?;
            // Long enough that it is on its way before the connection ends.
            socket.flush().await
        }
        Reply::Refuse(status, headers, body) => {
            let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} No\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n");
            socket.write_all((head + &body).as_bytes()).await
        }
        Reply::Json(body) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n".to_owned();
            socket.write_all((head + &body.to_string()).as_bytes()).await
        }
        Reply::Nonsense(body) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n".to_owned();
            socket.write_all((head + &body).as_bytes()).await
        }
        Reply::Garbage(text) => socket.write_all((STREAM.to_owned() + &text).as_bytes()).await,
        Reply::Silence => {
            let mut nothing = [0];
            drop(socket.read(&mut nothing).await);
            Ok(())
        }
    }
}

fn chunk(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {"content": text}, "finish_reason": null}]}))
}
