//! An index: who has which charm, so that a charm that nobody has is found
//! without asking everybody.

use std::collections::BTreeMap;

use crate::id::{ApplicationId, CharmId, UnitId};

/// Applications and units by their charms, and how many have each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CharmUsers {
    applications: BTreeMap<ApplicationId, CharmId>,
    units: BTreeMap<UnitId, CharmId>,
    count: BTreeMap<CharmId, usize>,
}

impl CharmUsers {
    /// An application has this charm from now on, or is gone.
    pub(super) fn application(&mut self, id: ApplicationId, charm: Option<CharmId>) {
        let before = match charm {
            Some(charm) => self.applications.insert(id, charm),
            None => self.applications.remove(&id),
        };
        self.moved(before, charm);
    }

    /// A unit runs this charm from now on, or none.
    pub(super) fn unit(&mut self, id: UnitId, charm: Option<CharmId>) {
        let before = match charm {
            Some(charm) => self.units.insert(id, charm),
            None => self.units.remove(&id),
        };
        self.moved(before, charm);
    }

    /// How many have a charm.
    pub(super) fn of(&self, charm: CharmId) -> usize {
        self.count.get(&charm).copied().unwrap_or_default()
    }

    fn moved(&mut self, from: Option<CharmId>, to: Option<CharmId>) {
        if from == to {
            return;
        }
        if let Some(to) = to {
            *self.count.entry(to).or_default() += 1;
        }
        if let Some(from) = from
            && let Some(count) = self.count.get_mut(&from)
        {
            *count -= 1;
            if *count == 0 {
                self.count.remove(&from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::GenericUuid as _;

    #[test]
    fn a_charm_has_as_many_users_as_have_it() {
        let [a, b] = [1, 2].map(|n| CharmId::from_untyped_uuid(Uuid::from_u128(n)));
        let application = ApplicationId::from_untyped_uuid(Uuid::from_u128(3));
        let unit = UnitId::from_untyped_uuid(Uuid::from_u128(4));
        let mut users = CharmUsers::default();
        users.application(application, Some(a));
        users.unit(unit, Some(a));
        users.unit(unit, Some(a));
        assert_eq!((users.of(a), users.of(b)), (2, 0));
        users.application(application, Some(b));
        assert_eq!((users.of(a), users.of(b)), (1, 1));
        users.unit(unit, None);
        users.unit(unit, None);
        users.application(application, None);
        assert_eq!(users, CharmUsers::default());
    }
}
