//! The rows after what units write to the settings of relations.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_model::state::{
    Change, ModelState, Relation, RelationApplication, RelationSeen, RelationUnit, Row, Settings,
    Unit,
};

pub(crate) fn unit_bag(
    state: &ModelState,
    unit: &Unit,
    relation: &Relation,
    written: &BTreeMap<String, Option<String>>,
) -> Option<Change> {
    let member = state.relation_unit(relation.id, unit.id)?;
    let settings = merged(&member.settings, written)?;
    Some(Change::Put(Row::RelationUnit(RelationUnit {
        settings,
        version: member.version + 1,
        ..member.clone()
    })))
}

/// In a peer relation the writer itself has seen what it wrote.
pub(crate) fn application_bag(
    state: &ModelState,
    unit: &Unit,
    relation: &Relation,
    written: &BTreeMap<String, Option<String>>,
) -> Vec<Change> {
    let bag = state.relation_application(relation.id, unit.application);
    let empty = Arc::new(Settings::new());
    let old = bag.map_or(&empty, |bag| &bag.settings);
    let Some(settings) = merged(old, written) else {
        return Vec::new();
    };
    let version = bag.map_or(0, |bag| bag.version) + 1;
    let mut changes = vec![Change::Put(Row::RelationApplication(RelationApplication {
        relation: relation.id,
        application: unit.application,
        settings,
        version,
    }))];
    if relation.is_peer() {
        let seen = state.relation_seen(unit.id, relation.id).cloned();
        changes.push(Change::Put(Row::RelationSeen(RelationSeen {
            app_version: version,
            ..seen.unwrap_or(RelationSeen {
                unit: unit.id,
                relation: relation.id,
                created: false,
                broken: false,
                app_version: 0,
            })
        })));
    }
    changes
}

/// The settings with what was written, or none when nothing changed.
pub(crate) fn merged(
    old: &Arc<Settings>,
    written: &BTreeMap<String, Option<String>>,
) -> Option<Arc<Settings>> {
    let mut settings = old.as_ref().clone();
    for (key, value) in written {
        match value.as_ref().filter(|value| !value.is_empty()) {
            Some(value) => settings.insert(key.clone(), value.clone()),
            None => settings.remove(key),
        };
    }
    (settings != **old).then(|| Arc::new(settings))
}

/// Who wrote to its peers has seen that, in the hooks of that very relation
/// too, whose end says what they were shown.
pub(crate) fn saw_own(advanced: &mut [Change], written: &[Change]) {
    for change in advanced {
        let Change::Put(Row::RelationSeen(seen)) = change else {
            continue;
        };
        for own in written {
            if let Change::Put(Row::RelationSeen(own)) = own
                && own.relation == seen.relation
            {
                seen.app_version = seen.app_version.max(own.app_version);
            }
        }
    }
}
