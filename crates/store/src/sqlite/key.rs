//! How the writer names streams.

use milepost_core::{Project, RunId};

/// A stream of a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) project: Project,
    pub(super) stream: RunId,
}

impl Key {
    pub(super) fn new(project: &Project, stream: &RunId) -> Self {
        Self { project: project.clone(), stream: stream.clone() }
    }
}
