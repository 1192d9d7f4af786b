//! Places for what takes long or much: so many in all, and for one user no
//! more than half of them, so that nobody takes all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lazuli_model::id::UserId;

/// Places of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    taken: Mutex<HashMap<UserId, usize>>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    user: UserId,
}

impl Places {
    /// So many.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            taken: Mutex::default(),
        }))
    }

    /// One of them; none while all, or all of the user's share, are taken.
    pub(crate) fn take(&self, user: UserId) -> Option<Place> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&user).copied().unwrap_or_default();
        let all: usize = taken.values().sum();
        if all >= self.0.most || own >= self.0.most.div_ceil(2) {
            return None;
        }
        taken.insert(user, own + 1);
        drop(taken);
        Some(Place {
            places: self.clone(),
            user,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let inner = &self.places.0;
        let mut taken = inner.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::GenericUuid as _;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nobody_takes_all_places() {
        let places = Places::new(3);
        let user = |n| UserId::from_untyped_uuid(Uuid::from_u128(n));
        let (first, second) = (places.take(user(1)), places.take(user(1)));
        assert!(first.is_some() && second.is_some());
        assert!(places.take(user(1)).is_none());
        let third = places.take(user(2));
        assert!(third.is_some() && places.take(user(3)).is_none());
        drop(first);
        assert!(places.take(user(3)).is_some());
        drop((second, third));
        assert!(places.0.taken.lock().unwrap().is_empty());
    }
}
