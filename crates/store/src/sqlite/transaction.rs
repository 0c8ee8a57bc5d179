//! One transaction of the writer, and what a failure means.

use rusqlite::{Connection, Statement};

use super::error::{Phase, Severity, severity};
use super::health::Health;
use crate::contract::StoreError;

pub(super) struct Transactions<'c> {
    connection: &'c Connection,
    begin: Statement<'c>,
    commit: Statement<'c>,
    rollback: Statement<'c>,
}

impl<'c> Transactions<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let (begin, commit) = (connection.prepare("BEGIN IMMEDIATE")?, connection.prepare("COMMIT")?);
        Ok(Self { connection, begin, commit, rollback: connection.prepare("ROLLBACK")? })
    }

    /// Runs `work` and commits it. After an error nothing of it is there, or the store is poisoned.
    ///
    /// A poisoned COMMIT is ambiguous: its record may have reached the disk, and then the transaction is there after a
    /// restart although it was refused. That is allowed to happen, because producers repeat what was refused under the
    /// same ids. Acknowledging it, or writing after it, is not.
    pub(super) fn run<T>(
        &mut self,
        health: &Health,
        work: impl FnOnce() -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        health.check()?;
        let worked = self.begin.execute([]).and_then(|_| work());
        let done = match worked {
            Ok(value) => self.commit.execute([]).map(|_| value).map_err(|error| (error, Phase::Commit)),
            Err(error) => Err((error, Phase::Work)),
        };
        done.map_err(|(error, phase)| self.give_up(health, &error, phase))
    }

    fn give_up(&mut self, health: &Health, error: &rusqlite::Error, phase: Phase) -> StoreError {
        // Some errors roll back by themselves.
        let rolled_back = if self.connection.is_autocommit() { Ok(0) } else { self.rollback.execute([]) };
        match (severity(error, phase), rolled_back) {
            (Severity::Poison, _) => health.poison(error),
            (Severity::Passing, Err(error)) => health.poison(&error),
            (Severity::Passing, Ok(_)) => {
                tracing::warn!(error = %error, "the store cannot write now");
                StoreError::Unavailable(error.to_string())
            }
        }
    }
}
