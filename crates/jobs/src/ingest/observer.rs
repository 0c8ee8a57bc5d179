//! How progress gets out of the engine.

/// Hears of progress. Calls come at every file and every few milliseconds of a transfer, one at a time but not all from
/// one thread, so they must be cheap; throttling is the observer's affair. Numbers never go down within a phase, and
/// the phases come in the order of the methods.
pub trait Observer: Sync {
    /// The repository is being fetched. A local repository is read in place: one call, nothing transferred.
    fn cloning(&self, transfer: Transfer);
    /// The commit that is going to be ingested, in hexadecimal, and its branch; `None` twice for an empty repository,
    /// where only the branch may be known. Called once, after the clone.
    fn commit_known(&self, commit: Option<&str>, branch: Option<&str>);
    /// `done` of `total` files are parsed; `path` is the last of them (empty before the first).
    fn parsing(&self, done: u64, total: u64, path: &str);
    /// `done` of `total` documents are indexed.
    fn indexing(&self, done: u64, total: u64);
}

/// How far a clone has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Objects received.
    pub received: u64,
    /// Objects whose content is checked and indexed, which happens after receiving.
    pub resolved: u64,
    /// Objects in all, once the remote has said how many.
    pub total: Option<u64>,
    /// Bytes received.
    pub bytes: u64,
}

impl Transfer {
    /// The share that is done, 0 to 1, if the total is known. Receiving and resolving count half each.
    #[must_use]
    pub fn fraction(&self) -> Option<f64> {
        let total = self.total?;
        if total == 0 {
            return Some(1.0);
        }
        let done = self.received.min(total) + self.resolved.min(total);
        Some(done as f64 / (2 * total) as f64)
    }
}
