//! Sending to many clients.

use std::sync::Arc;

use crate::protocol::{EncodeError, Parameters, SharedMessage};
use crate::registry::Registry;

/// The clients of a hub.
#[derive(Clone)]
pub struct Clients {
    registry: Arc<Registry>,
}

/// Some clients. Sending to them waits for none: a client that has
/// [too much](crate::Options::outgoing_bytes_max) to read already is disconnected, and the others notice nothing.
/// The message is encoded once per protocol that is spoken.
#[derive(Clone)]
#[must_use = "nothing is sent yet"]
pub struct Audience {
    registry: Arc<Registry>,
    who: Who,
    except: Vec<String>,
}

#[derive(Clone)]
pub(crate) enum Who {
    All,
    Group(String),
    Clients(Vec<String>),
}

impl Clients {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// All that are connected.
    pub fn all(&self) -> Audience {
        self.audience(Who::All)
    }

    /// The members of a group.
    pub fn group(&self, name: impl Into<String>) -> Audience {
        self.audience(Who::Group(name.into()))
    }

    /// One client, by the id of its connection.
    pub fn client(&self, id: impl Into<String>) -> Audience {
        self.audience(Who::Clients(vec![id.into()]))
    }

    /// Several clients, by the ids of their connections.
    pub fn clients(&self, ids: impl IntoIterator<Item = impl Into<String>>) -> Audience {
        self.audience(Who::Clients(ids.into_iter().map(Into::into).collect()))
    }

    fn audience(&self, who: Who) -> Audience {
        Audience { registry: self.registry.clone(), who, except: Vec::new() }
    }
}

impl Audience {
    /// Leaves a client out, by the id of its connection.
    pub fn except(mut self, id: impl Into<String>) -> Self {
        self.except.push(id.into());
        self
    }

    /// Calls a method at each of them; says how many there are.
    ///
    /// # Errors
    /// When an argument cannot be encoded.
    pub fn send(&self, target: &str, parameters: impl Parameters) -> Result<usize, EncodeError> {
        self.send_message(&SharedMessage::new(target, parameters))
    }

    /// Sends a message to each of them; says how many there are.
    ///
    /// # Errors
    /// When an argument cannot be encoded in a protocol that one of them speaks. Others may have been sent to already.
    pub fn send_message(&self, message: &SharedMessage) -> Result<usize, EncodeError> {
        self.registry.broadcast(&self.who, &self.except, message)
    }
}

/// The groups of a hub. A group exists as long as it has members; they leave when their connections end.
#[derive(Clone)]
pub struct Groups {
    registry: Arc<Registry>,
}

impl Groups {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self { registry }
    }

    /// Puts a connection into a group, by its id. Nothing happens if there is no such connection.
    pub fn add(&self, connection: &str, group: &str) {
        if let Some(link) = self.registry.link(connection) {
            self.registry.join(group, &link);
        }
    }

    /// Takes a connection out of a group, by its id.
    pub fn remove(&self, connection: &str, group: &str) {
        if let Some(link) = self.registry.link(connection) {
            self.registry.leave(group, &link);
        }
    }

    /// How many connections a group has.
    #[must_use]
    pub fn len(&self, group: &str) -> usize {
        self.registry.members(group)
    }
}
