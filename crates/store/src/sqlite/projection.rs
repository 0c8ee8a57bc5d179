//! Writing the projection of runs.

use std::collections::HashSet;

use milepost_core::RunId;
use rusqlite::{Connection, Result, Statement, params};

use crate::contract::{Append, RunRow};

pub(super) struct Projection<'c> {
    exists: Statement<'c>,
    insert: Statement<'c>,
    update_body: Statement<'c>,
    update: Statement<'c>,
}

impl<'c> Projection<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            exists: connection.prepare("SELECT 1 FROM runs WHERE project = ? AND run = ?")?,
            insert: connection.prepare(
                "INSERT INTO runs (project, run, stream, parent, kind, state, timed, claimable, body)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?,
            // Most changes are progress. This statement touches no indexed column, and so no index.
            update_body: connection.prepare(
                "UPDATE runs SET body = ?
                 WHERE project = ? AND run = ? AND stream = ? AND state = ? AND timed = ? AND claimable = ?",
            )?,
            update: connection.prepare(
                "UPDATE runs SET body = ?, state = ?, timed = ?, claimable = ?
                 WHERE project = ? AND run = ? AND stream = ?",
            )?,
        })
    }

    /// The first run that the append creates although it is there already, or creates twice.
    pub(super) fn already_there(&mut self, append: &Append) -> Result<Option<RunId>> {
        let mut created = HashSet::new();
        for row in append.rows.iter().filter(|row| row.created) {
            if !created.insert(&row.run) || self.exists.exists([append.project.as_str(), row.run.as_str()])? {
                return Ok(Some(row.run.clone()));
            }
        }
        Ok(None)
    }

    pub(super) fn apply(&mut self, append: &Append, stream: i64) -> Result<()> {
        for row in &append.rows {
            if row.created {
                self.insert(append, stream, row)?;
            } else {
                self.update(append, stream, row)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, append: &Append, stream: i64, row: &RunRow) -> Result<()> {
        self.insert.execute(params![
            append.project.as_str(),
            row.run.as_str(),
            stream,
            row.parent.as_ref().map(RunId::as_str),
            row.kind.as_str(),
            row.state.as_str(),
            row.timed,
            row.claimable,
            row.body,
        ])?;
        Ok(())
    }

    fn update(&mut self, append: &Append, stream: i64, row: &RunRow) -> Result<()> {
        let (project, run, state) = (append.project.as_str(), row.run.as_str(), row.state.as_str());
        let same = params![row.body, project, run, stream, state, row.timed, row.claimable];
        if self.update_body.execute(same)? == 0 {
            self.update.execute(params![row.body, state, row.timed, row.claimable, project, run, stream])?;
        }
        Ok(())
    }
}
