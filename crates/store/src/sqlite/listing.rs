//! What can be read of the projection of runs.

use milepost_core::{Kind, Project, RunId};
use rusqlite::{Connection, ToSql, params};

use super::error::read_error;
use super::query::{bounded, name};
use crate::contract::{ListRuns, Page, StoreError};

pub(super) fn list(connection: &Connection, query: &ListRuns) -> Result<Page, StoreError> {
    let (sql, values) = select(query);
    let read = || -> rusqlite::Result<Vec<(u64, String, String)>> {
        let mut statement = connection.prepare_cached(&sql)?;
        let values: Vec<&dyn ToSql> = values.iter().map(|value| &**value as &dyn ToSql).collect();
        statement.query_map(&*values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    };
    let mut rows = read().map_err(|error| read_error(&error))?;
    let more = rows.len() > query.limit;
    rows.truncate(query.limit);
    let next = rows.last().filter(|_| more).map(|(position, ..)| *position);
    let runs = rows.into_iter().map(|(_, stream, body)| Ok((name(&stream)?, body)));
    Ok(Page { runs: runs.collect::<Result<_, StoreError>>()?, next })
}

/// One row more than is wanted tells whether there is another page. Each combination of filters has its own statement,
/// so that each finds its index.
fn select(query: &ListRuns) -> (String, Vec<Box<dyn ToSql>>) {
    let mut sql = "SELECT runs.pos, root, body FROM runs JOIN streams ON streams.id = runs.stream
                   WHERE runs.project = ?"
        .to_owned();
    let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(query.project.to_string())];
    match &query.parent {
        None => sql.push_str(" AND parent IS NULL"),
        Some(parent) => {
            sql.push_str(" AND parent = ?");
            values.push(Box::new(parent.to_string()));
        }
    }
    if let Some(kind) = &query.kind {
        sql.push_str(" AND kind = ?");
        values.push(Box::new(kind.to_string()));
    }
    if let Some(state) = query.state {
        sql.push_str(" AND state = ?");
        values.push(Box::new(state.as_str()));
    }
    sql.push_str(" AND runs.pos < ? ORDER BY runs.pos DESC LIMIT ?");
    values.push(Box::new(query.before.map_or(i64::MAX, bounded)));
    values.push(Box::new(query.limit.saturating_add(1)));
    (sql, values)
}

pub(super) fn timed(connection: &Connection) -> Result<Vec<(Project, RunId)>, StoreError> {
    let sql = "SELECT project, root FROM streams WHERE id IN (SELECT stream FROM runs WHERE timed = 1)";
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let rows = read().map_err(|error| read_error(&error))?;
    rows.into_iter().map(|(project, root)| Ok((name(&project)?, name(&root)?))).collect()
}

/// One search for each project, because the index of roots by kind begins with that.
pub(super) fn unfinished(connection: &Connection, kind: &Kind) -> Result<Vec<(Project, RunId)>, StoreError> {
    let sql = "SELECT runs.project, run FROM (SELECT DISTINCT project FROM streams) AS projects
               CROSS JOIN runs ON runs.project = projects.project
               WHERE kind = ? AND parent IS NULL
               AND (state IN ('queued', 'running', 'waiting') OR json_extract(body, '$.audit') = 'in_progress')
               ORDER BY runs.pos";
    let read = || -> rusqlite::Result<Vec<(String, String)>> {
        let mut statement = connection.prepare(sql)?;
        statement.query_map([kind.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let rows = read().map_err(|error| read_error(&error))?;
    rows.into_iter().map(|(project, root)| Ok((name(&project)?, name(&root)?))).collect()
}

/// One search for each kind, because each of them is in order in the index, and all together are not.
pub(super) fn claimable(
    connection: &Connection,
    project: &Project,
    kinds: &[Kind],
    limit: usize,
) -> Result<Vec<(RunId, RunId)>, StoreError> {
    let sql = "SELECT runs.pos, run, root FROM runs JOIN streams ON streams.id = runs.stream
               WHERE runs.project = ? AND kind = ? AND claimable = 1 ORDER BY runs.pos LIMIT ?";
    let mut found = Vec::new();
    for kind in kinds {
        let read = || -> rusqlite::Result<Vec<(u64, String, String)>> {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![project.as_str(), kind.as_str(), limit], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            rows.collect()
        };
        found.extend(read().map_err(|error| read_error(&error))?);
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(limit);
    found.into_iter().map(|(_, run, root)| Ok((name(&run)?, name(&root)?))).collect()
}

/// Served by the index of claimable runs alone, which has as many rows as there are such runs.
pub(super) fn queued(connection: &Connection, limit: usize) -> Result<Vec<(Kind, u64)>, StoreError> {
    let sql = "SELECT kind, count(*) FROM runs INDEXED BY claimable_runs WHERE claimable = 1
               GROUP BY kind ORDER BY count(*) DESC, kind LIMIT ?";
    let read = || -> rusqlite::Result<Vec<(String, u64)>> {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let rows = read().map_err(|error| read_error(&error))?;
    rows.into_iter().map(|(kind, count)| Ok((name(&kind)?, count))).collect()
}
