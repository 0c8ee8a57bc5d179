//! What to ingest: a source that the policy allows, a branch, limits.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use url::{Host, Url};

use super::address::{is_public, refused};
use super::error::IngestError;
use super::limits::Limits;

/// One ingestion.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the repository is.
    pub source: Source,
    /// What to ingest; `None` is what the repository's `HEAD` names.
    pub branch: Option<Branch>,
    /// What it may take.
    pub limits: Limits,
}

/// What sources are allowed. The default is the strict one: `https://` to public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Local paths and `file://` URLs.
    pub allow_local: bool,
    /// Private and local addresses, and the transports whose target cannot be guarded or whose content can be changed
    /// on the way: `http://`, `ssh://` (also as `user@host:path`) and `git://`.
    pub allow_private: bool,
}

/// A repository's address that was parsed and is allowed. Host names are looked up, and checked, only when connecting.
#[derive(Clone)]
pub struct Source {
    location: Location,
    display: String,
    policy: Policy,
}

/// How a source is reached.
#[derive(Clone)]
pub(crate) enum Location {
    /// `https://` or `http://`, possibly with credentials.
    Http(Url),
    /// `ssh://`, `git://` or `user@host:path`, for the `git` program.
    Program(String),
    /// A directory of this machine.
    Local(PathBuf),
}

/// A name that git accepts for a branch or a tag, such as `main` or `release/1.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch(String);

/// No URL needs more, and what is longer would only bloat messages and logs.
const MAX_URL_BYTES: usize = 2048;

impl Source {
    /// Reads `text` as a repository's URL (or path, where allowed).
    ///
    /// # Errors
    /// `invalid_url` for what is no repository's address, `url_not_allowed` for what `policy` refuses. A host *name*
    /// that resolves to a private address is refused later, by [`ingest`](super::ingest()).
    pub fn parse(text: &str, policy: Policy) -> Result<Self, IngestError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_URL_BYTES || text.chars().any(char::is_control) {
            return Err(invalid("a repository URL is 1 to 2048 printable characters"));
        }
        let location = if text.contains("://") {
            parse_url(text, policy)?
        } else if is_path(text) {
            local(Path::new(text), policy)?
        } else {
            parse_scp(text, policy)?
        };
        let display = redact(&match &location {
            Location::Http(url) => url.to_string(),
            Location::Program(address) => address.clone(),
            Location::Local(path) => path.display().to_string(),
        });
        Ok(Self { location, display, policy })
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }
}

/// The address without credentials: what may be shown and stored.
impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.display)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Source").field(&self.display).finish()
    }
}

impl Branch {
    /// Checks the name by git's rules.
    ///
    /// # Errors
    /// `invalid_url` for a name that no branch can have.
    pub fn parse(name: &str) -> Result<Self, IngestError> {
        // A leading dash is legal for git, but would be read as an option by its command line.
        let full = format!("refs/heads/{name}");
        if name.starts_with('-') || gix::validate::reference::name(full.as_str().into()).is_err() {
            return Err(invalid("the branch is not a name that git allows"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name, without `refs/heads/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn parse_url(text: &str, policy: Policy) -> Result<Location, IngestError> {
    // The text is not repeated in the message: where parsing fails, nobody knows which part is the password.
    let url = Url::parse(text).map_err(|error| invalid(&format!("not a URL: {error}")))?;
    if !matches!(url.scheme(), "https" | "http" | "ssh" | "git" | "file") {
        return Err(not_allowed(&format!("{}:// is not a way to get a repository", url.scheme())));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("a repository URL has no query and no fragment"));
    }
    if url.scheme() == "file" {
        let path = url.to_file_path().map_err(|()| invalid("not a file URL of this machine"))?;
        return local(&path, policy);
    }
    let host = url.host().ok_or_else(|| invalid("the URL names no host"))?;
    check_host(&host, policy)?;
    if url.path().trim_matches('/').is_empty() {
        return Err(invalid("the URL names a host but no repository"));
    }
    if url.scheme() != "https" && !policy.allow_private {
        return Err(not_allowed(&format!("{}:// is not allowed here, use https://", url.scheme())));
    }
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    match url.scheme() {
        "http" if has_credentials => Err(not_allowed("credentials are not sent over http://, use https://")),
        "https" | "http" => Ok(Location::Http(url)),
        _ if url.password().is_some() => Err(not_allowed("only https:// URLs may have a password")),
        _ => Ok(Location::Program(text.to_owned())),
    }
}

fn check_host(host: &Host<&str>, policy: Policy) -> Result<(), IngestError> {
    let public = match *host {
        Host::Ipv4(address) => is_public(IpAddr::V4(address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(address)),
        Host::Domain(name) => {
            // `ssh` would take such a host for an option.
            if name.starts_with('-') {
                return Err(invalid("no host name begins with a dash"));
            }
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name != "localhost" && !name.ends_with(".localhost")
        }
    };
    if public || policy.allow_private { Ok(()) } else { Err(refused(&host.to_string())) }
}

/// `user@host:path`, which git hands to ssh.
fn parse_scp(text: &str, policy: Policy) -> Result<Location, IngestError> {
    let nonsense = || invalid("not a repository URL, for example https://github.com/owner/name");
    if text.contains(char::is_whitespace) {
        return Err(nonsense());
    }
    let (address, path) = text.split_once(':').ok_or_else(nonsense)?;
    if path.starts_with(':') {
        return Err(not_allowed("transport helpers are not a way to get a repository"));
    }
    let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
    if host.is_empty() || path.is_empty() || address.contains('/') || text.starts_with('-') || host.starts_with('-') {
        return Err(nonsense());
    }
    if !policy.allow_private {
        return Err(not_allowed("ssh is not allowed here, use https://"));
    }
    Ok(Location::Program(text.to_owned()))
}

fn is_path(text: &str) -> bool {
    let path = Path::new(text);
    path.is_absolute() || path.starts_with(".") || path.starts_with("..")
}

fn local(path: &Path, policy: Policy) -> Result<Location, IngestError> {
    if !policy.allow_local {
        return Err(not_allowed("paths of this machine are not allowed here"));
    }
    Ok(Location::Local(path.to_owned()))
}

fn invalid(message: &str) -> IngestError {
    IngestError::InvalidUrl(message.to_owned())
}

fn not_allowed(message: &str) -> IngestError {
    IngestError::UrlNotAllowed(message.to_owned())
}

/// Takes `user:password@` out of every URL in `text`.
pub(crate) fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        clean.push_str(head);
        let end = tail
            .find(|c: char| matches!(c, '/' | '"' | '\'' | '`' | '<' | '>') || c.is_whitespace())
            .unwrap_or(tail.len());
        let (authority, after) = tail.split_at(end);
        clean.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        rest = after;
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Policy = Policy { allow_local: false, allow_private: false };
    const LOCAL: Policy = Policy { allow_local: true, allow_private: false };
    const PRIVATE: Policy = Policy { allow_local: false, allow_private: true };

    /// The codes under `STRICT`, `LOCAL` and `PRIVATE`.
    fn check(text: &str, expect: [&str; 3]) {
        let codes = [STRICT, LOCAL, PRIVATE].map(|policy| match Source::parse(text, policy) {
            Ok(_) => "ok",
            Err(error) => error.code(),
        });
        assert_eq!(codes, expect, "{text}");
    }

    #[test]
    fn sources_and_policies() {
        let (ok, invalid, refused) = ("ok", "invalid_url", "url_not_allowed");
        for text in [
            "https://github.com/a/b",
            "https://github.com/a/b.git",
            " HTTPS://GitHub.com/a/b/ ",
            "https://u:p@x.org/r",
            "https://8.8.8.8:8443/r",
        ] {
            check(text, [ok, ok, ok]);
        }
        for text in [
            "http://github.com/a/b",
            "http://127.0.0.1:8080/a",
            "https://localhost/a",
            "https://api.localhost./a",
            "https://127.0.0.1/a",
            "https://127.1/a",
            "https://2130706433/a",
            "https://0x7f000001/a",
            "https://0177.0.0.1/a",
            "https://[::1]/a",
            "https://[::ffff:192.168.0.1]/a",
            "https://[fd00::1]/a",
            "https://169.254.169.254/latest",
            "https://0.0.0.0/a",
            "https://100.64.0.1/a",
            "ssh://git@github.com/a/b",
            "git@github.com:a/b.git",
            "host:a/b",
            "git://github.com/a/b",
        ] {
            check(text, [refused, refused, ok]);
        }
        for text in ["/srv/git/a", "./a", "..", ".", "file:///srv/git/a"] {
            check(text, [refused, ok, refused]);
        }
        for text in ["ftp://x.org/a", "ext::sh -c id", "gopher://x.org/a", "javascript://x.org/a", "fd::17"] {
            let codes = [STRICT, LOCAL, PRIVATE].map(|policy| Source::parse(text, policy).is_err());
            assert_eq!(codes, [true; 3], "{text}");
        }
        for text in ["http://u:p@x.org/a", "ssh://u:p@x.org/a"] {
            check(text, [refused, refused, refused]);
        }
        for text in [
            "",
            "   ",
            "a",
            "owner/name",
            "not a url",
            "https://",
            "https://x.org",
            "https://x.org/",
            "https://x.org/a?b=c",
            "https://x.org/a#b",
            "https://u:p/w@x.org/a",
            "https://x.org:99999/a",
            "https://exa mple.org/a",
            "https://x.org/a\nb",
            "ssh://-oProxyCommand=id/a",
            "-oProxyCommand=id:a",
            "git@-oProxyCommand=id:a",
            ":a",
            "a:",
        ] {
            check(text, [invalid, invalid, invalid]);
        }
        check(&format!("https://x.org/{}", "a".repeat(MAX_URL_BYTES)), [invalid; 3]);
    }

    #[test]
    fn credentials_are_never_shown() {
        let source = Source::parse("https://me:hunter2@x.org/r.git", STRICT).unwrap();
        assert_eq!(source.to_string(), "https://x.org/r.git");
        assert_eq!(format!("{source:?}"), "Source(\"https://x.org/r.git\")");
        let error = Source::parse("https://me:hun/ter2@x.org/r.git", STRICT).unwrap_err();
        assert!(!error.to_string().contains("hun"), "{error}");
        for (text, expect) in [
            ("a https://u:p@h/x and ssh://u@h:22/y.", "a https://h/x and ssh://h:22/y."),
            ("no url", "no url"),
            ("'https://p@w@h'", "'https://h'"),
            ("://", "://"),
        ] {
            assert_eq!(redact(text), expect);
        }
    }

    #[test]
    fn branches() {
        for name in ["main", "feature/x-1", "v1.0", "ü"] {
            assert_eq!(Branch::parse(name).unwrap().as_str(), name);
        }
        for name in ["", "-x", "a b", "a..b", "a:b", "+a", "a*", "a.lock", "/a", "a/", "a\n", "@{"] {
            let parsed = Branch::parse(name).map(|branch| branch.0);
            // `+` is a legal character; as the first it must not become a refspec's force sign.
            assert!(parsed.is_err() || name == "+a", "{name}: {parsed:?}");
        }
    }
}
