//! The server that an ingestion is reported to.

use std::path::{Path, PathBuf};

use super::IngestArguments;
use crate::embedded::Embedded;
use crate::failure::Failure;
use crate::signals::Signals;
use crate::terminal::note;

/// Somebody else's server, or one of our own.
pub(super) struct Place {
    url: String,
    embedded: Option<Embedded>,
    data_dir: Option<PathBuf>,
}

impl Place {
    pub(super) async fn open(arguments: &IngestArguments) -> Result<Self, Failure> {
        if let Some(url) = &arguments.server {
            return Ok(Self { url: url.trim_end_matches('/').to_owned(), embedded: None, data_dir: None });
        }
        let embedded = Embedded::start(None, arguments.data_dir.as_deref()).await?;
        let url = embedded.url();
        note(format_args!("watch it at {url}/"));
        Ok(Self { url, embedded: Some(embedded), data_dir: arguments.data_dir.clone() })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether artifacts are gone with the server.
    pub(super) fn is_temporary(&self) -> bool {
        self.embedded.is_some() && self.data_dir.is_none()
    }

    /// Where our own server keeps its data, when it outlives this process.
    pub(super) fn data_dir(&self) -> Option<&Path> {
        self.data_dir.as_deref()
    }

    pub(super) async fn close(self, signals: &mut Signals) {
        if let Some(embedded) = self.embedded {
            embedded.stop(signals).await;
        }
    }
}
