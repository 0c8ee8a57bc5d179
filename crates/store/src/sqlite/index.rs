//! The index of the log by stream, written late.
//!
//! The log is in the order of commits, its index in the order of streams. Were each event indexed at once, a commit of one
//! event for each of 500 streams would write 500 pages of the index and some 40 of the log. So the newest events of a
//! stream are indexed in memory, and go into the database when they are many, or old. A server that was killed finds them
//! again by reading the end of the log.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::{Connection, Result, Statement};

use super::tails::{Change, Published, Tail, Tails, apply};

/// Events of one stream that are indexed together.
const TAIL: usize = 64;

/// How many of the newest positions may be missing in the index. It bounds what is read at a start: at most about a
/// second. May become larger in another version, but not smaller: it would miss what the former one had not indexed.
const WINDOW: u64 = 131_072;

/// The index as the writer sees it, within the transaction that is going on.
pub(super) struct Index<'c> {
    insert: Statement<'c>,
    remember: Statement<'c>,
    tails: Tails,
    /// Where each tail begins, oldest first. Those whose tail is indexed since are skipped when their turn comes.
    begins: VecDeque<(u64, i64)>,
    changes: Vec<Change>,
    published: Arc<Published>,
}

/// Reads what the index does not have at a start.
pub(super) fn recover(connection: &Connection, position: u64) -> Result<Tails> {
    let sql = "SELECT stream, seq, pos FROM events
               WHERE pos > max(?, (SELECT value FROM meta WHERE name = 'indexed'))
               AND NOT EXISTS (SELECT 1 FROM places WHERE places.stream = events.stream AND places.seq = events.seq)
               ORDER BY pos";
    let mut tails = Tails::new();
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([position.saturating_sub(WINDOW)])?;
    while let Some(row) = rows.next()? {
        apply(&mut tails, Change::Added { stream: row.get(0)?, seq: row.get(1)?, position: row.get(2)? });
    }
    Ok(tails)
}

impl<'c> Index<'c> {
    pub(super) fn prepare(connection: &'c Connection, published: Arc<Published>) -> Result<Self> {
        let mut index = Self {
            insert: connection.prepare("INSERT INTO places (stream, seq, pos) VALUES (?, ?, ?)")?,
            remember: connection.prepare("UPDATE meta SET value = ? WHERE name = 'indexed'")?,
            tails: Tails::new(),
            begins: VecDeque::new(),
            changes: Vec::new(),
            published,
        };
        index.forget();
        Ok(index)
    }

    /// The last sequence of a stream, when its end is not in the database.
    pub(super) fn head(&self, stream: i64) -> Option<u64> {
        self.tails.get(&stream).map(Tail::head)
    }

    pub(super) fn add(&mut self, stream: i64, seq: u64, position: u64) -> Result<()> {
        self.change(Change::Added { stream, seq, position });
        match self.tails.get(&stream).map_or(0, |tail| tail.positions.len()) {
            1 => self.begins.push_back((position, stream)),
            TAIL.. => self.write(stream)?,
            _ => {}
        }
        Ok(())
    }

    /// Writes the tail of one stream.
    pub(super) fn write(&mut self, stream: i64) -> Result<()> {
        let Some(tail) = self.tails.get(&stream) else { return Ok(()) };
        for (seq, position) in (tail.first..).zip(&tail.positions) {
            self.insert.execute((stream, seq, *position))?;
        }
        self.change(Change::Indexed { stream });
        Ok(())
    }

    /// Writes the tails that begin before the window. Has to be done before each commit.
    pub(super) fn write_old(&mut self, position: u64) -> Result<()> {
        while let Some((begin, stream)) = self.begins.front().copied()
            && begin + WINDOW <= position
        {
            self.begins.pop_front();
            if self.tails.get(&stream).is_some_and(|tail| tail.positions[0] == begin) {
                self.write(stream)?;
            }
        }
        Ok(())
    }

    /// Writes everything, so that the next start has nothing to find again.
    pub(super) fn write_all(&mut self, position: u64) -> Result<()> {
        let mut streams: Vec<i64> = self.tails.keys().copied().collect();
        streams.sort_unstable();
        for stream in streams {
            self.write(stream)?;
        }
        self.remember.execute([position])?;
        Ok(())
    }

    /// After a commit: shows the changes to the readers.
    pub(super) fn publish(&mut self) {
        if !self.changes.is_empty() {
            self.published.publish(self.changes.drain(..));
        }
    }

    /// After a rollback: back to what was published last.
    pub(super) fn forget(&mut self) {
        self.changes.clear();
        self.tails = self.published.all();
        let mut begins: Vec<_> = self.tails.iter().map(|(stream, tail)| (tail.positions[0], *stream)).collect();
        begins.sort_unstable();
        self.begins = begins.into();
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.tails, change);
        self.changes.push(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("schema/1.sql")).unwrap();
        connection
    }

    fn indexed(connection: &Connection) -> Vec<(i64, u64, u64)> {
        let mut statement = connection.prepare("SELECT stream, seq, pos FROM places").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        rows.collect::<Result<_>>().unwrap()
    }

    #[test]
    fn long_tails_are_written_at_once() {
        let database = database();
        let mut index = Index::prepare(&database, Arc::default()).unwrap();
        for seq in 1..=TAIL as u64 + 1 {
            index.add(1, seq, seq).unwrap();
        }
        assert_eq!(indexed(&database).len(), TAIL);
        assert_eq!(index.head(1), Some(TAIL as u64 + 1));
        index.publish();
        assert_eq!(index.published.of(1), Some(Tail { first: TAIL as u64 + 1, positions: vec![TAIL as u64 + 1] }));
    }

    #[test]
    fn nothing_older_than_the_window_is_missing() {
        let database = database();
        let mut index = Index::prepare(&database, Arc::default()).unwrap();
        index.add(1, 1, 1).unwrap();
        index.add(2, 1, 2).unwrap();
        index.add(1, 2, 3).unwrap();
        index.write_old(WINDOW).unwrap();
        assert_eq!(indexed(&database), []);
        index.write_old(WINDOW + 1).unwrap();
        assert_eq!(indexed(&database), [(1, 1, 1), (1, 2, 3)]);
        index.add(1, 3, WINDOW + 2).unwrap();
        index.write_old(WINDOW + 2).unwrap();
        assert_eq!(indexed(&database), [(1, 1, 1), (1, 2, 3), (2, 1, 2)]);
        assert_eq!((index.head(1), index.head(2)), (Some(3), None));
    }

    #[test]
    fn a_rollback_goes_back_to_what_was_published() {
        let database = database();
        let mut index = Index::prepare(&database, Arc::default()).unwrap();
        index.add(1, 1, 1).unwrap();
        index.publish();
        index.add(1, 2, 2).unwrap();
        index.add(2, 1, 3).unwrap();
        index.forget();
        assert_eq!((index.head(1), index.head(2)), (Some(1), None));
        index.publish();
        assert_eq!(index.published.all().len(), 1);
        index.write_old(WINDOW + 1).unwrap();
        assert_eq!(indexed(&database), [(1, 1, 1)], "its age is not forgotten");
    }

    #[test]
    fn a_start_finds_what_is_missing() {
        let database = database();
        let insert = "INSERT INTO events SELECT value, value % 2, (value + 1) / 2, '', '', 0, '', '' FROM json_each('[1,2,3,4,5]')";
        database.execute(insert, []).unwrap();
        database.execute("INSERT INTO places VALUES (1, 1, 1), (0, 1, 2), (1, 2, 3)", []).unwrap();
        let tail = |first, positions: &[u64]| Tail { first, positions: positions.to_vec() };
        let expect = Tails::from([(1, tail(3, &[5])), (0, tail(2, &[4]))]);
        assert_eq!(recover(&database, 5).unwrap(), expect);
        assert_eq!(recover(&database, WINDOW + 4).unwrap(), Tails::from([(1, tail(3, &[5]))]));
    }
}
