//! A page of the log.
//!
//! A cursor that the stream does not know (of another incarnation, or past the head) is answered with the first page of
//! the log and `"reset": "epoch"` or `"ahead"`: the client drops what it has and goes on from there. So a client that
//! does not look at `reset` is told some events again, but never misses one.

use milepost_core::{Cursor, Record, Tree, TypeFilter};
use milepost_wire::native::{events_page, write_event};
use tokio::time::Instant;

use super::path::OfRun;
use super::wait::unless_stopping;
use crate::app::App;
use crate::problem::Refusal;

/// What is asked for.
pub(super) struct Asked {
    pub(super) after: Cursor,
    pub(super) limit: usize,
    pub(super) types: Option<TypeFilter>,
}

/// Events of a run and of what is below it.
pub(super) struct Page {
    tree: Tree,
    records: Vec<Record>,
    next: u64,
    reset: Option<&'static str>,
}

impl Page {
    /// Reads what follows `asked.after`. While there is nothing, waits until `deadline`.
    pub(super) async fn read(app: &App, path: &OfRun, mut asked: Asked, deadline: Instant) -> Result<Self, Refusal> {
        loop {
            let page = Self::read_now(app, path, &asked).await?;
            let now = Instant::now();
            if !page.records.is_empty() || page.reset.is_some() || now >= deadline {
                return Ok(page);
            }
            let head = page.tree.seq();
            if page.next < head {
                // Nothing of what was read is for this client; there is more.
                asked.after.seq = page.next;
                continue;
            }
            let moved = app.hub().moved(&path.project, &path.run, head, deadline - now);
            let may_follow = !page.tree.is_over() && unless_stopping(app, moved).await.transpose()?.unwrap_or(false);
            if !may_follow {
                return Ok(page);
            }
            asked.after = Cursor::new(page.tree.epoch(), page.next);
        }
    }

    async fn read_now(app: &App, path: &OfRun, asked: &Asked) -> Result<Self, Refusal> {
        let OfRun { project, run } = path;
        // Beyond that no store counts.
        let after = asked.after.seq.min(i64::MAX as u64);
        let (mut tree, mut records) = app.hub().page(project, run, after, asked.limit).await?;
        let (mut next, reset) = (asked.after.seq, unknown(&tree, asked.after));
        if reset.is_some() {
            (tree, records) = app.hub().page(project, run, 0, asked.limit).await?;
            next = 0;
        }
        next = records.last().map_or(next, |record| record.seq);
        let wanted = |record: &Record| {
            let typed = asked.types.as_ref().is_none_or(|types| types.wants(&record.event_type));
            typed && (*run == *tree.stream() || tree.is_within(&record.run, run))
        };
        records.retain(wanted);
        Ok(Self { tree, records, next, reset })
    }

    pub(super) fn into_json(self) -> Vec<u8> {
        let encode = |record: &Record| {
            let mut event = Vec::new();
            write_event(&mut event, self.tree.stream(), record, None);
            event
        };
        let events: Vec<_> = self.records.iter().map(encode).collect();
        let next = Cursor::new(self.tree.epoch(), self.next);
        let mut json = events_page(events.iter().map(Vec::as_slice), next, self.tree.cursor());
        if let Some(reason) = self.reset {
            json.pop();
            json.extend_from_slice(format!(r#","reset":"{reason}"}}"#).as_bytes());
        }
        json
    }
}

/// Why the stream cannot go on from `cursor`, in the words of the `reset` of a live stream.
fn unknown(tree: &Tree, cursor: Cursor) -> Option<&'static str> {
    if cursor.epoch.is_some_and(|epoch| epoch != tree.epoch()) {
        return Some("epoch");
    }
    (cursor.seq > tree.seq()).then_some("ahead")
}
