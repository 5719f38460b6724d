//! Places for answers that take long: a bounded number of them, in all and for each who asks. A place is given back when the
//! answer is over, however it ended.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::super::{Actor, Who};

/// A bounded number of places.
#[derive(Clone, Debug)]
pub struct Places {
    in_all: usize,
    each: usize,
    taken: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Places {
    /// So many in all, of which each may take so many.
    pub fn new(in_all: usize, each: usize) -> Self {
        Self { in_all, each, taken: Arc::default() }
    }

    /// A place for the actor; none when they have theirs, or all are taken.
    pub fn take(&self, actor: &Actor) -> Option<Place> {
        let who = match &actor.who {
            Who::Person { user, .. } => format!("user {user}"),
            Who::Program(client) => format!("client {client}"),
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let theirs = taken.get(&who).copied().unwrap_or_default();
        if theirs >= self.each || taken.values().sum::<usize>() >= self.in_all {
            return None;
        }
        taken.insert(who.clone(), theirs.saturating_add(1));
        Some(Place { places: self.clone(), who })
    }
}

/// A place that is taken as long as this is kept.
#[derive(Debug)]
pub struct Place {
    places: Places,
    who: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let left = taken.get(&self.who).copied().unwrap_or_default().saturating_sub(1);
        if left == 0 {
            taken.remove(&self.who);
        } else {
            taken.insert(self.who.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::engine::RequestContext;

    use super::*;
    use crate::admin::{Via, access::Permissions};

    fn program(name: &str) -> Actor {
        let cx = RequestContext { ip: None, user_agent: None, device: None, request_id: "r".to_owned() };
        Actor { who: Who::Program(name.into()), permissions: Permissions::default(), via: Via::Api, cx }
    }

    #[test]
    fn nobody_takes_all_places_and_one_that_is_left_is_free_again() {
        let places = Places::new(3, 2);
        let (one, two) = (places.take(&program("a")), places.take(&program("a")));
        assert!(one.is_some() && two.is_some());
        assert!(places.take(&program("a")).is_none(), "they have theirs");
        let other = places.take(&program("b"));
        assert!(other.is_some() && places.take(&program("c")).is_none(), "all are taken");
        drop(one);
        assert!(places.take(&program("c")).is_some());
    }
}
