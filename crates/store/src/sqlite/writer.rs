//! The thread that writes: it takes what is waiting, commits it at once, and answers.

use std::sync::Arc;

use rusqlite::{Connection, Statement};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::chores::Chores;
use super::health::Health;
use super::job::Job;
use super::lineage::Lineage;
use super::log::Log;
use super::outbox::Outbox;
use super::pace::Pace;
use super::tails::Published;
use super::transaction::Transactions;
use super::wal::Wal;
use crate::contract::{AppendError, StoreError};

/// Jobs that may wait for the writer. Whoever comes later waits to get in.
pub(super) const QUEUE: usize = 4_096;

/// Jobs in one commit: about 20 ms of work, which is the longest that a job waits for those beside it.
const GROUP: usize = 4_096;

/// Bytes in one commit, for the same reason.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Groups after which some chores are done although more jobs are waiting.
const PATIENCE: u32 = 64;

/// What becomes of a job once its group is committed.
type Outcome = Result<(), AppendError>;

/// Who waits for it.
type Answer = oneshot::Sender<Outcome>;

/// What was found in the database when it was opened.
pub(super) struct Recovered {
    /// The last position of the log.
    pub(super) position: u64,
    pub(super) tails: Arc<Published>,
}

/// Works until it is told to close, or until nobody is there to ask for anything.
pub(super) fn run(
    connection: &Connection,
    mut inbox: mpsc::Receiver<Job>,
    health: &Arc<Health>,
    wal: Wal,
    lineage: Lineage,
    recovered: Recovered,
    runtime: Option<Handle>,
) {
    let mut closing = None;
    match Writer::prepare(connection, health, wal, lineage, recovered, runtime) {
        Ok(mut writer) => {
            closing = writer.work(&mut inbox);
            writer.finish();
        }
        Err(error) => drop(health.poison(&error)),
    }
    health.stop("it is closed".to_owned());
    inbox.close();
    while let Ok(job) = inbox.try_recv() {
        if let Err(error) = health.check() {
            job.refuse(error);
        }
    }
    if let Some(Job::Close(answer)) = closing {
        answer.send(()).unwrap_or_default();
    }
}

struct Writer<'c> {
    connection: &'c Connection,
    health: &'c Health,
    transactions: Transactions<'c>,
    log: Log<'c>,
    chores: Chores<'c>,
    outbox: Outbox<'c>,
    probe: Statement<'c>,
    wal: Wal,
    lineage: Lineage,
    /// The position of the log after the last commit.
    committed: u64,
    pace: Pace,
    /// Where those who wait for answers run, if it is known.
    runtime: Option<Handle>,
}

impl<'c> Writer<'c> {
    fn prepare(
        connection: &'c Connection,
        health: &'c Health,
        wal: Wal,
        lineage: Lineage,
        Recovered { position: committed, tails }: Recovered,
        runtime: Option<Handle>,
    ) -> rusqlite::Result<Self> {
        let transactions = Transactions::prepare(connection)?;
        let (log, chores) = (Log::prepare(connection, committed, tails)?, Chores::prepare(connection)?);
        let probe = connection.prepare("UPDATE meta SET value = value + 1 WHERE name = 'probe'")?;
        let (outbox, pace) = (Outbox::prepare(connection)?, Pace::default());
        Ok(Self {
            connection,
            health,
            transactions,
            log,
            chores,
            outbox,
            probe,
            wal,
            lineage,
            committed,
            pace,
            runtime,
        })
    }

    /// Gives back the job that ended it.
    fn work(&mut self, inbox: &mut mpsc::Receiver<Job>) -> Option<Job> {
        let mut jobs = Vec::new();
        let mut busy = 0;
        loop {
            // Nobody waits for a store that ends longer than for what was asked.
            if self.chores.waiting() && !inbox.is_closed() && (inbox.is_empty() || busy >= PATIENCE) {
                self.some_chores();
                busy = 0;
                continue;
            }
            if inbox.blocking_recv_many(&mut jobs, GROUP) == 0 {
                return None;
            }
            if self.pace.rest() {
                while jobs.len() < GROUP
                    && let Ok(job) = inbox.try_recv()
                {
                    jobs.push(job);
                }
            }
            self.pace.begin(jobs.len());
            let close = jobs.iter().position(|job| matches!(job, Job::Close(_)));
            let later = close.map(|at| jobs.split_off(at));
            self.commit_all(&mut jobs);
            busy += 1;
            if let Some(mut later) = later {
                let close = later.remove(0);
                later.into_iter().for_each(|job| job.refuse(StoreError::Unavailable("it is closed".to_owned())));
                return Some(close);
            }
        }
    }

    /// Everything that waits, in as few commits as the bounds allow.
    fn commit_all(&mut self, jobs: &mut Vec<Job>) {
        let mut group = Vec::with_capacity(jobs.len());
        let mut bytes = 0;
        for job in jobs.drain(..) {
            bytes += job.bytes();
            group.push(job);
            if bytes >= GROUP_BYTES {
                self.commit(&mut group);
                bytes = 0;
            }
        }
        if !group.is_empty() {
            self.commit(&mut group);
        }
    }

    /// One transaction. The answers follow the commit, never the other way round.
    fn commit(&mut self, group: &mut Vec<Job>) {
        let (log, outbox, probe) = (&mut self.log, &mut self.outbox, &mut self.probe);
        let mut outcomes = Vec::with_capacity(group.len());
        let done = self.transactions.run(self.health, || {
            for job in group.iter() {
                outcomes.push(apply(job, log, outbox, probe)?);
            }
            log.complete()
        });
        self.settle(&done);
        let mut answers = Vec::with_capacity(group.len());
        for (index, job) in group.drain(..).enumerate() {
            match (&done, job) {
                (Err(error), job) => job.refuse(error.clone()),
                (Ok(()), Job::Append(_, answer)) => {
                    let outcome = std::mem::replace(&mut outcomes[index], Ok(()));
                    answers.push((answer, outcome));
                }
                (Ok(()), Job::Delete(_, answer)) => {
                    self.chores.add_garbage();
                    drop(answer.send(Ok(())));
                }
                (Ok(()), Job::Note(_, answer) | Job::Probe(answer)) => drop(answer.send(Ok(()))),
                (Ok(()), Job::Checkpoint(checkpoint)) => self.chores.add(checkpoint),
                (Ok(()), Job::Close(_)) => {}
            }
        }
        self.answer(answers);
        self.wal.tend(self.connection, self.health);
    }

    /// Answers from within the runtime: waking its tasks from there costs a fraction of waking each across threads.
    fn answer(&self, answers: Vec<(Answer, Outcome)>) {
        let answer = move || answers.into_iter().for_each(|(answer, outcome)| drop(answer.send(outcome)));
        match &self.runtime {
            Some(runtime) => drop(runtime.spawn(async move { answer() })),
            None => answer(),
        }
    }

    fn some_chores(&mut self) {
        let (log, chores) = (&mut self.log, &mut self.chores);
        let done = self.transactions.run(self.health, || chores.some(log));
        self.settle(&done);
        if done.is_err() {
            self.chores.drop_all();
        }
        self.wal.tend(self.connection, self.health);
    }

    /// What is remembered beside the database follows the transaction.
    fn settle(&mut self, done: &Result<(), StoreError>) {
        if done.is_err() {
            self.log.forget(self.committed);
            return;
        }
        self.log.publish();
        if self.log.position() != self.committed {
            self.committed = self.log.position();
            if let Err(error) = self.lineage.note(self.committed) {
                tracing::warn!(%error, "the lineage file cannot be written; a restored backup may go unnoticed");
            }
        }
    }

    fn finish(mut self) {
        while self.health.check().is_ok() && self.chores.has_checkpoints() {
            self.some_chores();
        }
        if self.health.check().is_ok() {
            let log = &mut self.log;
            let done = self.transactions.run(self.health, || log.complete_all());
            self.settle(&done);
        }
        self.wal.finish(self.connection, self.health);
        if let Err(error) = self.lineage.sync() {
            tracing::warn!(%error, "the lineage file cannot be synced");
        }
    }
}

fn apply(
    job: &Job,
    log: &mut Log<'_>,
    outbox: &mut Outbox<'_>,
    probe: &mut Statement<'_>,
) -> rusqlite::Result<Outcome> {
    match job {
        Job::Append(append, _) => return log.append(append),
        Job::Delete(key, _) => log.delete(key)?,
        Job::Note(note, _) => outbox.note(note)?,
        Job::Probe(_) => drop(probe.execute([])?),
        Job::Checkpoint(_) | Job::Close(_) => {}
    }
    Ok(Ok(()))
}
