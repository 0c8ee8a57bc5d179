//! What others keep beside a frame or a snapshot, made once for everybody.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::caps;

/// A cache of a few values, each known by its type and a variant. The hub does not look inside: every dialect brings a type of
/// its own, so dialects need no list of each other, and what nobody asks for costs one pointer.
///
/// It only grows, which makes reading it free of locks. Who asks for what is just being made waits for it.
#[derive(Debug, Default)]
pub(crate) struct Slots(OnceLock<Box<Slot>>);

#[derive(Debug)]
struct Slot {
    variant: Option<u64>,
    value: Arc<dyn Any + Send + Sync>,
    next: Slots,
}

impl Slots {
    /// The value of type `T` for `variant`, made at the first call. Beyond [`caps::SLOTS`] values it is made each time.
    pub(crate) fn get_or_make<T: Any + Send + Sync>(&self, variant: Option<u64>, make: impl FnOnce() -> T) -> Arc<T> {
        let mut make = Some(make);
        let mut slots = self;
        for _ in 0..caps::SLOTS {
            let mut mine = None;
            let slot = slots.0.get_or_init(|| {
                let Some(make) = make.take() else { unreachable!("who has made it does not go on looking for it") };
                let value = Arc::new(make());
                mine = Some(value.clone());
                Box::new(Slot { variant, value, next: Self::default() })
            });
            if let Some(mine) = mine {
                return mine;
            }
            if slot.variant == variant
                && let Ok(value) = slot.value.clone().downcast::<T>()
            {
                return value;
            }
            slots = &slot.next;
        }
        let Some(make) = make else { unreachable!("who has made it does not go on looking for it") };
        Arc::new(make())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn values_are_known_by_type_and_variant() {
        let slots = Slots::default();
        assert_eq!(*slots.get_or_make(None, || 1_u8), 1);
        assert_eq!(*slots.get_or_make(None, || 2_u16), 2);
        assert_eq!(*slots.get_or_make(Some(7), || 3_u8), 3);
        assert_eq!(*slots.get_or_make(None, || 9_u8), 1);
        assert_eq!(*slots.get_or_make(None, || 9_u16), 2);
        assert_eq!(*slots.get_or_make(Some(7), || 9_u8), 3);
    }

    #[test]
    fn only_so_many_are_kept() {
        let slots = Slots::default();
        let many = caps::SLOTS as u64 + 3;
        for round in 0..2 {
            let kept = (0..many).filter(|variant| *slots.get_or_make(Some(*variant), || round) == 0).count();
            assert_eq!(kept, if round == 0 { caps::SLOTS + 3 } else { caps::SLOTS });
        }
    }

    #[test]
    fn whoever_asks_at_the_same_time_gets_the_same() {
        let (slots, made) = (Slots::default(), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    slots.get_or_make(None, || made.fetch_add(1, Ordering::Relaxed));
                    slots.get_or_make(None, || made.fetch_add(1, Ordering::Relaxed).to_string());
                });
            }
        });
        assert_eq!(made.into_inner(), 2);
    }
}
