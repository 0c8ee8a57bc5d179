//! The reference engine: everything in memory, nothing durable. For tests, and to read what the contract means.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use milepost_core::{Epoch, EventType, Kind, Project, Record, RunId};

use crate::contract::{Append, AppendError, EventStore, ListRuns, Loaded, Page, RunRow, StoreError};
use crate::id_hash::id_hash;
use crate::outbox::{DEAD_LETTERS, DeadLetter, LogEntry, LogPage};

/// An [`EventStore`] that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

type Key = (Project, RunId);

#[derive(Debug, Default)]
struct State {
    closed: bool,
    streams: HashMap<Key, Stream>,
    /// In the order of their creation.
    runs: BTreeMap<u64, Run>,
    positions: HashMap<Key, u64>,
    last_position: u64,
    /// Every event in the order in which it came: its stream, that one's incarnation, and its sequence. Its place is its
    /// position.
    log: Vec<(Key, Epoch, u64)>,
    outbox: HashMap<String, u64>,
    dead_letters: Vec<DeadLetter>,
    last_letter: u64,
}

#[derive(Debug)]
struct Stream {
    epoch: Epoch,
    records: Vec<Record>,
    checkpoint: Option<(u64, String)>,
}

#[derive(Debug)]
struct Run {
    project: Project,
    stream: RunId,
    row: RunRow,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed { Err(StoreError::Unavailable("it is closed".to_owned())) } else { Ok(state) }
    }
}

impl State {
    fn append(&mut self, append: Append) -> Result<(), AppendError> {
        let key = (append.project.clone(), append.stream.clone());
        let found = self.streams.get(&key);
        let head = found.map_or(0, |stream| stream.records.len() as u64);
        let fits = match found {
            Some(stream) => stream.epoch == append.epoch && head == append.expected_head,
            None => append.expected_head == 0 && !append.records.is_empty(),
        };
        if !fits {
            return Err(AppendError::HeadMoved { head });
        }
        if let Some(run) = self.already_there(&append) {
            return Err(AppendError::RunExists(run));
        }
        let stream = Stream { epoch: append.epoch, records: Vec::new(), checkpoint: None };
        let seqs = head + 1..=head + append.records.len() as u64;
        self.log.extend(seqs.map(|seq| (key.clone(), append.epoch, seq)));
        let records = (head + 1..).zip(append.records).map(|(seq, record)| Record { seq, ..record });
        self.streams.entry(key).or_insert(stream).records.extend(records);
        for row in append.rows {
            self.put(&append.project, &append.stream, row);
        }
        Ok(())
    }

    fn already_there(&self, append: &Append) -> Option<RunId> {
        let mut created = HashSet::new();
        let rows = append.rows.iter().filter(|row| row.created);
        let is_there = |run: &RunId| self.positions.contains_key(&(append.project.clone(), run.clone()));
        rows.map(|row| &row.run).find(|run| !created.insert(*run) || is_there(run)).cloned()
    }

    fn put(&mut self, project: &Project, stream: &RunId, row: RunRow) {
        let key = (project.clone(), row.run.clone());
        if row.created {
            self.last_position += 1;
            self.positions.insert(key, self.last_position);
            let run = Run { project: project.clone(), stream: stream.clone(), row };
            self.runs.insert(self.last_position, run);
        } else if let Some(position) = self.positions.get(&key)
            && let Some(run) = self.runs.get_mut(position).filter(|run| run.stream == *stream)
        {
            let (parent, kind) = (run.row.parent.take(), run.row.kind.clone());
            run.row = RunRow { parent, kind, ..row };
        }
    }

    fn list(&self, query: &ListRuns) -> Page {
        let wanted = |run: &Run| {
            run.project == query.project
                && run.row.parent == query.parent
                && query.kind.as_ref().is_none_or(|kind| run.row.kind == *kind)
                && query.state.is_none_or(|state| run.row.state == state)
        };
        let before = self.runs.range(..query.before.unwrap_or(u64::MAX)).rev();
        let mut found = before.filter(|(_, run)| wanted(run)).peekable();
        let (mut runs, mut last) = (Vec::new(), None);
        while let Some((position, run)) = found.next_if(|_| runs.len() < query.limit) {
            runs.push((run.stream.clone(), run.row.body.clone()));
            last = Some(*position);
        }
        Page { runs, next: last.filter(|_| found.peek().is_some()) }
    }

    fn page(&self, after: u64, types: Option<&[EventType]>, limit: usize) -> LogPage {
        let (mut entries, mut position) = (Vec::new(), after);
        let later = self.log.iter().zip(1..).skip(usize::try_from(after).unwrap_or(usize::MAX));
        for ((key, epoch, seq), at) in later {
            if entries.len() == limit {
                break;
            }
            position = at;
            let stream = self.streams.get(key).filter(|stream| stream.epoch == *epoch);
            let index = usize::try_from(*seq - 1).unwrap_or(usize::MAX);
            let Some(record) = stream.and_then(|stream| stream.records.get(index)) else { continue };
            if types.is_none_or(|types| types.contains(&record.event_type)) {
                let ((project, stream), epoch, record) = (key.clone(), *epoch, record.clone());
                entries.push(LogEntry { position, project, stream, epoch, record });
            }
        }
        LogPage { entries, position, at_end: position >= self.log.len() as u64 }
    }

    fn bury(&mut self, letter: DeadLetter) {
        self.last_letter += 1;
        self.dead_letters.push(DeadLetter { id: self.last_letter, ..letter });
        let last = self.last_letter;
        self.dead_letters.retain(|letter| letter.id + DEAD_LETTERS > last);
    }

    fn delete(&mut self, project: &Project, stream: &RunId) {
        self.streams.remove(&(project.clone(), stream.clone()));
        self.runs.retain(|_, run| run.project != *project || run.stream != *stream);
        let runs = &self.runs;
        self.positions.retain(|_, position| runs.contains_key(position));
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(&self, append: Append) -> Result<(), AppendError> {
        self.open()?.append(append)
    }

    async fn stream_of(&self, project: &Project, run: &RunId) -> Result<Option<RunId>, StoreError> {
        let state = self.open()?;
        let position = state.positions.get(&(project.clone(), run.clone()));
        Ok(position.and_then(|position| state.runs.get(position)).map(|run| run.stream.clone()))
    }

    async fn load(&self, project: &Project, stream: &RunId) -> Result<Option<Loaded>, StoreError> {
        let state = self.open()?;
        let found = state.streams.get(&(project.clone(), stream.clone()));
        Ok(found.map(|stream| Loaded {
            epoch: stream.epoch,
            head: stream.records.len() as u64,
            checkpoint: stream.checkpoint.clone(),
        }))
    }

    async fn read(
        &self,
        project: &Project,
        stream: &RunId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let state = self.open()?;
        let found = state.streams.get(&(project.clone(), stream.clone()));
        let records = found.map_or(&[][..], |stream| &stream.records);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        Ok(records.iter().skip(after).take(limit).cloned().collect())
    }

    async fn ids(&self, project: &Project, stream: &RunId) -> Result<Vec<(u64, u64)>, StoreError> {
        let records = self.read(project, stream, 0, usize::MAX).await?;
        Ok(records.iter().map(|record| (id_hash(&record.id), record.seq)).collect())
    }

    async fn checkpoint(
        &self,
        project: &Project,
        stream: &RunId,
        epoch: Epoch,
        seq: u64,
        body: String,
    ) -> Result<(), StoreError> {
        let mut state = self.open()?;
        if let Some(stream) = state.streams.get_mut(&(project.clone(), stream.clone()))
            && stream.epoch == epoch
            && stream.records.len() as u64 >= seq
        {
            stream.checkpoint = Some((seq, body));
        }
        Ok(())
    }

    async fn list(&self, query: ListRuns) -> Result<Page, StoreError> {
        Ok(self.open()?.list(&query))
    }

    async fn timed(&self) -> Result<Vec<(Project, RunId)>, StoreError> {
        let state = self.open()?;
        let timed = state.runs.values().filter(|run| run.row.timed);
        let streams: HashSet<_> = timed.map(|run| (run.project.clone(), run.stream.clone())).collect();
        Ok(streams.into_iter().collect())
    }

    async fn unfinished(&self, kind: &Kind) -> Result<Vec<(Project, RunId)>, StoreError> {
        let state = self.open()?;
        let wanted = |run: &&Run| {
            run.row.parent.is_none()
                && run.row.kind == *kind
                && (!run.row.state.is_terminal() || in_audit(&run.row.body))
        };
        Ok(state.runs.values().filter(wanted).map(|run| (run.project.clone(), run.row.run.clone())).collect())
    }

    async fn claimable(
        &self,
        project: &Project,
        kinds: &[Kind],
        limit: usize,
    ) -> Result<Vec<(RunId, RunId)>, StoreError> {
        let state = self.open()?;
        let wanted = |run: &&Run| run.row.claimable && run.project == *project && kinds.contains(&run.row.kind);
        let found = state.runs.values().filter(wanted).take(limit);
        Ok(found.map(|run| (run.row.run.clone(), run.stream.clone())).collect())
    }

    async fn queued(&self, limit: usize) -> Result<Vec<(Kind, u64)>, StoreError> {
        let state = self.open()?;
        let mut counts = BTreeMap::<&str, (Kind, u64)>::new();
        for run in state.runs.values().filter(|run| run.row.claimable) {
            counts.entry(run.row.kind.as_str()).or_insert_with(|| (run.row.kind.clone(), 0)).1 += 1;
        }
        let mut counts: Vec<_> = counts.into_values().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts.truncate(limit);
        Ok(counts)
    }

    async fn delete(&self, project: &Project, stream: &RunId) -> Result<(), StoreError> {
        self.open()?.delete(project, stream);
        Ok(())
    }

    async fn log(&self, after: u64, types: Option<&[EventType]>, limit: usize) -> Result<LogPage, StoreError> {
        Ok(self.open()?.page(after, types, limit))
    }

    async fn end(&self) -> Result<u64, StoreError> {
        Ok(self.open()?.log.len() as u64)
    }

    async fn position(&self, sink: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.open()?.outbox.get(sink).copied())
    }

    async fn keep_position(&self, sink: &str, position: u64) -> Result<(), StoreError> {
        self.open()?.outbox.insert(sink.to_owned(), position);
        Ok(())
    }

    async fn bury(&self, letter: DeadLetter) -> Result<(), StoreError> {
        self.open()?.bury(letter);
        Ok(())
    }

    async fn dead_letters(
        &self,
        project: &Project,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let state = self.open()?;
        let wanted =
            |letter: &&DeadLetter| letter.project == *project && before.is_none_or(|before| letter.id < before);
        Ok(state.dead_letters.iter().rev().filter(wanted).take(limit).cloned().collect())
    }

    async fn exhume(&self, id: u64) -> Result<(), StoreError> {
        self.open()?.dead_letters.retain(|letter| letter.id != id);
        Ok(())
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.open().map(drop)
    }

    async fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
}

/// Whether a row's body says that the audit is in progress.
fn in_audit(body: &str) -> bool {
    milepost_core::Run::from_row(body).is_ok_and(|run| run.audit == milepost_core::run::AuditState::InProgress)
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::conformance_suite!((MemoryStore::new(), ()));
}
