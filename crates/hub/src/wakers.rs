//! Who wants to know that a stream moved.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// The sleeping readers of one stream. A reader registers once and stays registered, so that a wake-up costs no
/// registration. The wake-up is a hint: a reader looks at the head by itself, after it has registered.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Wakers {
    pub(crate) fn wake_all(&self) {
        for waker in self.lock().wakers.iter().flatten() {
            waker.wake_by_ref();
        }
    }

    // Nothing panics while the lock is held, so a poisoned one is as good as any.
    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader's place among the wakers.
#[derive(Debug)]
pub(crate) struct Registration {
    wakers: Arc<Wakers>,
    slot: Option<usize>,
    current: Option<Waker>,
}

impl Registration {
    pub(crate) fn new(wakers: Arc<Wakers>) -> Self {
        Self { wakers, slot: None, current: None }
    }

    /// From now on `waker` is woken whenever the stream moves.
    pub(crate) fn register(&mut self, waker: &Waker) {
        if self.current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            return;
        }
        self.current = Some(waker.clone());
        let mut slots = self.wakers.lock();
        let slot = match self.slot.or_else(|| slots.free.pop()) {
            Some(slot) => slot,
            None => {
                slots.wakers.push(None);
                slots.wakers.len() - 1
            }
        };
        slots.wakers[slot] = Some(waker.clone());
        self.slot = Some(slot);
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let mut slots = self.wakers.lock();
            slots.wakers[slot] = None;
            slots.free.push(slot);
        }
    }
}
