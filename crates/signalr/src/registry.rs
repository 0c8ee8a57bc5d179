//! Who is connected, and who is in which group.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::connection::link::Link;
use crate::hub::clients::Who;
use crate::protocol::{EncodeError, SharedMessage};

/// The connections of one hub that have finished their handshake.
#[derive(Default)]
pub(crate) struct Registry {
    links: RwLock<HashMap<String, Arc<Link>>>,
    groups: RwLock<HashMap<String, HashMap<String, Arc<Link>>>>,
}

impl Registry {
    pub(crate) fn add(&self, link: &Arc<Link>) {
        write(&self.links).insert(link.id().to_owned(), link.clone());
    }

    /// Forgets a connection whose link is closed already, so that it cannot join a group any more.
    pub(crate) fn remove(&self, link: &Link) {
        write(&self.links).remove(link.id());
        for group in link.take_groups() {
            take_out(&mut write(&self.groups), &group, link.id());
        }
    }

    pub(crate) fn link(&self, id: &str) -> Option<Arc<Link>> {
        read(&self.links).get(id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        read(&self.links).len()
    }

    pub(crate) fn members(&self, group: &str) -> usize {
        read(&self.groups).get(group).map_or(0, HashMap::len)
    }

    pub(crate) fn join(&self, group: &str, link: &Arc<Link>) {
        let mut groups = write(&self.groups);
        // Asked under the lock that removal takes: who is gone stays gone.
        if link.enter(group) {
            groups.entry(group.to_owned()).or_default().insert(link.id().to_owned(), link.clone());
        }
    }

    pub(crate) fn leave(&self, group: &str, link: &Link) {
        let mut groups = write(&self.groups);
        link.exit(group);
        take_out(&mut groups, group, link.id());
    }

    pub(crate) fn broadcast(
        &self,
        who: &Who,
        except: &[String],
        message: &SharedMessage,
    ) -> Result<usize, EncodeError> {
        let wanted = |id: &String| !except.contains(id);
        let to = |links: &HashMap<String, Arc<Link>>| {
            let mut count = 0;
            for (_, link) in links.iter().filter(|(id, _)| wanted(id)) {
                link.broadcast(message)?;
                count += 1;
            }
            Ok(count)
        };
        match who {
            Who::All => to(&read(&self.links)),
            Who::Group(name) => read(&self.groups).get(name).map_or(Ok(0), to),
            Who::Clients(ids) => {
                let links = read(&self.links);
                let mut count = 0;
                for link in ids.iter().filter(|id| wanted(id)).filter_map(|id| links.get(id)) {
                    link.broadcast(message)?;
                    count += 1;
                }
                Ok(count)
            }
        }
    }
}

fn take_out(groups: &mut HashMap<String, HashMap<String, Arc<Link>>>, group: &str, id: &str) {
    if let Some(members) = groups.get_mut(group) {
        members.remove(id);
        if members.is_empty() {
            groups.remove(group);
        }
    }
}

// Nothing panics while it holds these locks; if it did, the maps would still be whole.

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
