//! The HTTP under gix's git protocol.
//!
//! gix brings an HTTP client of its own; this one replaces it because an ingestion needs to stop while a server is
//! silent, to count the bytes received, to tell 401 from 404, and above all to guard where it connects to: every name is
//! looked up by [`GuardedResolver`], whose answer is the address that is then connected to, so a name cannot be public
//! when checked and private when used (DNS rebinding); redirects are held to the same policy. System proxies are not
//! used, since behind one the proxy, not we, would choose the address.

use std::any::Any;
use std::io::{self, BufRead, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use gix::protocol::transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse};
use reqwest::blocking::{Client, Request, Response};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect;
use reqwest::{Method, StatusCode, Url};

use super::address::{is_public, refused, resolve, resolve_public};
use super::error::IngestError;
use super::limits::{STALL_TIMEOUT, TICK};
use super::plan::Policy;

/// What a git client appends to a repository's URL in its first request.
const ADVERTISEMENT: &str = "info/refs?service=git-upload-pack";

/// Redirects of one request.
const MAX_REDIRECTS: usize = 10;

/// gix's way to the server.
pub(crate) struct HttpClient {
    client: Client,
    shared: Shared,
}

/// What the worker threads of an [`HttpClient`] and its owner know together.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    /// Bytes of response bodies received.
    pub(crate) bytes: Arc<AtomicU64>,
    /// What went wrong, in our terms; the first report counts.
    pub(crate) fault: Arc<OnceLock<Fault>>,
    interrupt: Arc<AtomicBool>,
    redirected: Arc<Mutex<Option<String>>>,
}

/// Why HTTP failed.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// A repository is there, but as plain files without a git server ("dumb" HTTP).
    Dumb,
    /// Anything with a code.
    Error(IngestError),
}

impl Shared {
    /// Transfers end soon after `interrupt` is raised.
    pub(crate) fn new(interrupt: Arc<AtomicBool>) -> Self {
        Self { interrupt, ..Self::default() }
    }

    fn report(&self, fault: Fault) {
        let _ = self.fault.set(fault);
    }
}

impl HttpClient {
    pub(crate) fn new(policy: Policy, shared: Shared) -> Result<Self, IngestError> {
        let client = Client::builder()
            .no_proxy()
            .referer(false)
            .timeout(STALL_TIMEOUT)
            .connect_timeout(STALL_TIMEOUT / 4)
            .dns_resolver(Arc::new(GuardedResolver { policy, shared: shared.clone() }))
            .redirect(guarded_redirects(policy, shared.clone()))
            .build()
            .map_err(|error| IngestError::unexpected("cannot set up HTTP", &error))?;
        Ok(Self { client, shared })
    }

    /// Starts a request on a thread of its own, which sends the body once it is complete and then hands out the response.
    /// An interrupted transfer leaves the thread behind; it owns nothing but its connection and ends with it.
    fn start(&self, method: Method, url: &str, base: &str, headers: HeaderMap) -> gix::Result<Exchange> {
        let url = Url::parse(url).map_err(gix::Error::from_error)?;
        let (body_sender, body) = mpsc::channel::<Vec<u8>>();
        let (head_sender, head) = mpsc::sync_channel(1);
        let (content_sender, content) = mpsc::sync_channel(4);
        let (client, shared, base) = (self.client.clone(), self.shared.clone(), base.to_owned());
        std::thread::spawn(move || {
            let mut request = Request::new(method, url);
            *request.headers_mut() = headers;
            let body: Vec<u8> = body.iter().flatten().collect();
            if request.method() == Method::POST {
                *request.body_mut() = Some(body.into());
            }
            match execute(&client, request, &base, &shared) {
                Ok(response) => deliver(response, head_sender, &content_sender, &shared),
                Err(error) => drop(head_sender.send(Err(error))),
            }
        });
        let reader = |receiver| ChannelReader::new(receiver, Arc::clone(&self.shared.interrupt));
        Ok(Exchange { body: BodySender(body_sender), head: reader(head), content: reader(content) })
    }
}

struct Exchange {
    body: BodySender,
    head: ChannelReader,
    content: ChannelReader,
}

impl Http for HttpClient {
    type Headers = ChannelReader;
    type ResponseBody = ChannelReader;
    type PostBody = BodySender;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<ChannelReader, ChannelReader>> {
        let exchange = self.start(Method::GET, url, base_url, parse_headers(headers))?;
        Ok(GetResponse { headers: exchange.head, body: exchange.content })
    }

    fn post(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<ChannelReader, ChannelReader, BodySender>> {
        let exchange = self.start(Method::POST, url, base_url, parse_headers(headers))?;
        Ok(PostResponse { post_body: exchange.body, headers: exchange.head, body: exchange.content })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.shared.redirected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn parse_headers(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    lines
        .into_iter()
        .filter_map(|line| {
            let (name, value) = line.as_ref().split_once(':')?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        })
        .collect()
}

/// Sends the request and translates every failure.
fn execute(client: &Client, mut request: Request, base: &str, shared: &Shared) -> io::Result<Response> {
    // gix adds the credentials by itself, and leaves them out after a redirect to another host.
    let _ = request.url_mut().set_username("");
    let _ = request.url_mut().set_password(None);
    let asked = request.url().clone();
    let response = client.execute(request).map_err(|error| {
        let unreachable = error.is_connect();
        let error = error.without_url();
        shared.report(Fault::Error(if unreachable {
            IngestError::RepositoryNotFound(format!("cannot connect to {}", authority(&asked)))
        } else {
            IngestError::unexpected("the HTTP request failed", &error)
        }));
        io::Error::other(error)
    })?;
    if let Some(fault) = status_fault(&response) {
        shared.report(Fault::Error(fault));
        let kind = match response.status() {
            StatusCode::UNAUTHORIZED => io::ErrorKind::PermissionDenied,
            _ => io::ErrorKind::Other,
        };
        return Err(io::Error::new(kind, format!("HTTP status {}", response.status())));
    }
    if response.url() != &asked {
        let tail = asked.as_str().len() - without_credentials(base).len().min(asked.as_str().len());
        let url = response.url().as_str();
        let redirected = url.get(..url.len().saturating_sub(tail)).unwrap_or(url);
        *shared.redirected.lock().unwrap_or_else(PoisonError::into_inner) = Some(redirected.to_owned());
    }
    Ok(response)
}

fn status_fault(response: &Response) -> Option<IngestError> {
    let host = authority(response.url());
    match response.status() {
        status if status.is_success() => None,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            Some(IngestError::AuthenticationRequired(format!(
                "{host} asks for credentials: the repository is private, or does not exist"
            )))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            Some(IngestError::RepositoryNotFound(format!("{host} has no such repository")))
        }
        status if status.is_redirection() => {
            Some(IngestError::UrlNotAllowed(format!("{host} redirects to where this server does not follow")))
        }
        status => Some(IngestError::internal(format!("{host} answered with HTTP status {status}"))),
    }
}

/// Passes the response on in pieces, counting them.
fn deliver(
    mut response: Response,
    head: SyncSender<io::Result<Vec<u8>>>,
    content: &SyncSender<io::Result<Vec<u8>>>,
    shared: &Shared,
) {
    let mut lines = Vec::new();
    for (name, value) in response.headers() {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.push(b':');
        lines.extend_from_slice(value.as_bytes());
        lines.push(b'\n');
    }
    let is_git = response
        .headers()
        .get("content-type")
        .is_some_and(|value| value.as_bytes().starts_with(b"application/x-git-upload-pack-"));
    let mut chunk = vec![0; 32 << 10];
    let mut head = Some(head);
    loop {
        let read = response.read(&mut chunk);
        // The headers go out only now, so that the fault is known to whoever reads them, and their channel closes: the
        // reader waits for its end before it turns to the content.
        if let Some(head) = head.take() {
            if !is_git {
                let length = read.as_ref().map_or(0, |&length| length);
                shared.report(not_a_git_server(&chunk[..length], response.url()));
            }
            if head.send(Ok(std::mem::take(&mut lines))).is_err() {
                return;
            }
        }
        let piece = match read {
            Ok(0) => return,
            Ok(length) => {
                shared.bytes.fetch_add(length as u64, Ordering::Relaxed);
                Ok(chunk[..length].to_vec())
            }
            Err(error) => Err(error),
        };
        let is_over = piece.is_err();
        if content.send(piece).is_err() || is_over {
            return;
        }
    }
}

/// A dumb server answers with the file `info/refs`: nothing, or lines of object id, tab and name.
fn not_a_git_server(body: &[u8], url: &Url) -> Fault {
    let id_length = body.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if body.is_empty() || (matches!(id_length, 40 | 64) && body.get(id_length) == Some(&b'\t')) {
        return Fault::Dumb;
    }
    Fault::Error(IngestError::RepositoryNotFound(format!("what {} serves there is no git repository", authority(url))))
}

/// Lets only the first request be redirected, and only to the same request elsewhere, never from https to http and
/// never to where the policy would not have let the user go.
fn guarded_redirects(policy: Policy, shared: Shared) -> redirect::Policy {
    redirect::Policy::custom(move |attempt| match judge(attempt.previous(), attempt.url(), policy) {
        Ok(()) => attempt.follow(),
        Err(error) => {
            shared.report(Fault::Error(error));
            attempt.stop()
        }
    })
}

fn judge(previous: &[Url], target: &Url, policy: Policy) -> Result<(), IngestError> {
    let not_followed = |why: &str| {
        Err(IngestError::UrlNotAllowed(format!("the redirect to {} is not followed: {why}", authority(target))))
    };
    let is_private = match target.host() {
        Some(url::Host::Ipv4(address)) => !is_public(address.into()),
        Some(url::Host::Ipv6(address)) => !is_public(address.into()),
        Some(url::Host::Domain(_)) | None => false, // the resolver's affair
    };
    if is_private && !policy.allow_private {
        return Err(refused(target.host_str().unwrap_or_default()));
    }
    let was_secure = previous.last().is_some_and(|url| url.scheme() == "https");
    let is_allowed_scheme = match target.scheme() {
        "https" => true,
        "http" => policy.allow_private && !was_secure,
        _ => false,
    };
    if !is_allowed_scheme {
        return not_followed("its transport is not allowed");
    }
    // Elsewhere may be a page to log in at. Also, only the first request of a fetch ends like this.
    if !target.as_str().ends_with(&format!("/{ADVERTISEMENT}")) {
        return not_followed("it leads to something else than a repository");
    }
    if previous.len() > MAX_REDIRECTS {
        return not_followed("there were too many");
    }
    Ok(())
}

/// Looks names up and refuses private addresses, at the moment of connecting.
struct GuardedResolver {
    policy: Policy,
    shared: Shared,
}

impl reqwest::dns::Resolve for GuardedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let (policy, shared) = (self.policy, self.shared.clone());
        // Blocks the client's own thread, which has nothing else to do before it is connected.
        Box::pin(async move {
            let lookup = if policy.allow_private { resolve } else { resolve_public };
            match lookup(name.as_str(), 0) {
                Ok(addresses) => Ok(Box::new(addresses.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send>),
                Err(error) => {
                    shared.report(Fault::Error(error.clone()));
                    Err(error.into())
                }
            }
        })
    }
}

fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn without_credentials(url: &str) -> String {
    super::plan::redact(url)
}

/// Collects a request's body; dropping it sends the request.
pub(crate) struct BodySender(Sender<Vec<u8>>);

impl Write for BodySender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what a worker thread sends, and stops when interrupted, however long the worker waits for the server.
pub(crate) struct ChannelReader {
    pieces: Receiver<io::Result<Vec<u8>>>,
    interrupt: Arc<AtomicBool>,
    piece: io::Cursor<Vec<u8>>,
}

impl ChannelReader {
    fn new(pieces: Receiver<io::Result<Vec<u8>>>, interrupt: Arc<AtomicBool>) -> Self {
        Self { pieces, interrupt, piece: io::Cursor::default() }
    }
}

impl BufRead for ChannelReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.position() >= self.piece.get_ref().len() as u64 {
            if self.interrupt.load(Ordering::Relaxed) {
                return Err(io::Error::other("interrupted"));
            }
            match self.pieces.recv_timeout(TICK) {
                Ok(piece) => self.piece = io::Cursor::new(piece?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(&[]),
            }
        }
        self.piece.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.piece.consume(amount);
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Policy = Policy { allow_local: false, allow_private: false };
    const OPEN: Policy = Policy { allow_local: true, allow_private: true };

    #[test]
    fn redirects_are_held_to_the_policy() {
        let cases = [
            (STRICT, "https://a.example/x", "https://b.example/x.git", true),
            (STRICT, "https://a.example/x", "http://b.example/x.git", false),
            (STRICT, "https://a.example/x", "https://127.0.0.1/x.git", false),
            (STRICT, "https://a.example/x", "https://[::ffff:10.0.0.1]/x.git", false),
            (STRICT, "https://a.example/x", "https://169.254.169.254/latest/meta-data", false),
            (STRICT, "https://a.example/x", "https://2130706433/x.git", false),
            (OPEN, "http://127.0.0.1/x", "http://127.0.0.1:8080/x.git", true),
            (OPEN, "http://127.0.0.1/x", "https://b.example/x.git", true),
            (OPEN, "https://a.example/x", "http://127.0.0.1/x.git", false),
            (OPEN, "https://a.example/x", "file:///etc", false),
        ];
        for (policy, from, to, expect) in cases {
            let previous = [Url::parse(&format!("{from}/{ADVERTISEMENT}")).unwrap()];
            let target = Url::parse(&format!("{to}/{ADVERTISEMENT}")).unwrap();
            let verdict = judge(&previous, &target, policy);
            assert_eq!(verdict.is_ok(), expect, "{from} -> {to}: {verdict:?}");
        }
    }

    #[test]
    fn redirects_end() {
        let here = Url::parse(&format!("https://a.example/x/{ADVERTISEMENT}")).unwrap();
        let login = Url::parse("https://a.example/login").unwrap();
        assert!(judge(&vec![here.clone(); MAX_REDIRECTS], &here, STRICT).is_ok());
        assert!(judge(&vec![here.clone(); MAX_REDIRECTS + 1], &here, STRICT).is_err());
        assert!(judge(&[here], &login, STRICT).is_err());
    }

    #[test]
    fn dumb_repositories_and_other_pages() {
        let url = Url::parse("https://a.example/x").unwrap();
        let id = "0123456789012345678901234567890123456789";
        let cases = [
            (String::new(), true),
            (format!("{id}\trefs/heads/main\n"), true),
            ("<html>".to_owned(), false),
            (id.to_owned(), false),
        ];
        for (body, expect) in cases {
            let fault = not_a_git_server(body.as_bytes(), &url);
            assert_eq!(matches!(fault, Fault::Dumb), expect, "{body}");
        }
    }
}
