//! Where a viewer begins.

use milepost_core::{Code, Cursor};

use crate::rejected::Rejected;

/// Where a viewer begins in a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// With the snapshot as it stands, then what comes after it.
    #[default]
    Snapshot,
    /// With the first event.
    Beginning,
    /// Strictly after this cursor, without a snapshot.
    After(Cursor),
}

impl Start {
    /// Reads what a viewer says: `after` is a cursor, `from` is `start`; at most one of them.
    ///
    /// # Errors
    /// `invalid_cursor`, or `invalid_query` for another `from` and for both at once.
    pub fn parse(after: Option<&str>, from: Option<&str>) -> Result<Self, Rejected> {
        match (after, from) {
            (None, None) => Ok(Self::Snapshot),
            (None, Some("start")) => Ok(Self::Beginning),
            (Some(cursor), None) => match cursor.parse() {
                Ok(cursor) => Ok(Self::After(cursor)),
                Err(_) => Err(Rejected::new(Code::InvalidCursor, format!("{cursor:?} is no cursor"))),
            },
            (None, Some(_)) => Err(Rejected::new(Code::InvalidQuery, "`from` takes `start` and nothing else")),
            (Some(_), Some(_)) => Err(Rejected::new(Code::InvalidQuery, "give `after` or `from`, not both")),
        }
    }
}
