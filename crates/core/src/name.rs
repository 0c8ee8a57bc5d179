//! Names: validated once, at the edge, and cheap to copy from then on.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::caps;

/// Why a string is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Empty, or longer than [`caps::NAME_LEN`].
    #[error("an id has 1 to {} characters, this one has {len}", caps::NAME_LEN)]
    Length {
        /// Characters found.
        len: usize,
    },
    /// A character outside `A-Z a-z 0-9 . _ ~ : -`.
    #[error("an id is made of A-Z a-z 0-9 . _ ~ : - and not of {found:?}")]
    Character {
        /// The first character that does not belong.
        found: char,
    },
    /// `.` or `..`, which no URL can address: they are taken for "here" and "above", also when they are escaped.
    #[error("`.` and `..` are no ids, because they have another meaning in URLs")]
    Dots,
}

fn check(text: &str) -> Result<(), InvalidName> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | ':' | '-');
    if let Some(found) = text.chars().find(|c| !allowed(*c)) {
        return Err(InvalidName::Character { found });
    }
    if matches!(text, "." | "..") {
        return Err(InvalidName::Dots);
    }
    match text.len() {
        1..=caps::NAME_LEN => Ok(()),
        len => Err(InvalidName::Length { len }),
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text`: 1 to 128 characters of `A-Z a-z 0-9 . _ ~ : -`.
            ///
            /// # Errors
            /// [`InvalidName`] when it is empty, too long or has another character in it.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                check(text).map(|()| Self(text.into()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// The isolation and filter boundary; `default` where a path names none.
    Project;
    /// A run: anything that takes time. The id of a root run is also the id of its stream.
    RunId;
    /// What sort of work a run is: `campaign`, `ingest`, `agent`, `workflow`, `step`, `node` or a user's own.
    Kind;
    /// An idempotency id of an event; unique within its stream.
    EventId;
    /// An artifact of a run; unique within that run.
    ArtifactId;
    /// A message of a run; unique within that run.
    MessageId;
}

impl Project {
    /// The project of paths that name none.
    pub fn default_project() -> Self {
        Self("default".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        let long = "x".repeat(129);
        let cases = [
            ("c1", true),
            ("A-Z.a_z~0:9", true),
            (&long[..128], true),
            ("...", true),
            (".", false),
            ("..", false),
            ("", false),
            (&long, false),
            ("a b", false),
            ("a/b", false),
            ("ü", false),
            ("a\n", false),
        ];
        for (text, valid) in cases {
            assert_eq!(RunId::new(text).is_ok(), valid, "{text:?}");
        }
    }
}
