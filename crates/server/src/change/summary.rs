//! What changes come to, for people and programs.

use lazuli_api::{ChangeKind, EntityChange, EntityKind};
use lazuli_model::id::{ApplicationId, MachineId};
use lazuli_model::names::{ApplicationName, MachineName};
use lazuli_model::state::{Change, ModelState, Row};

/// The changes that change something: a put of what is there is left out.
pub(crate) fn effective(state: &ModelState, changes: Vec<Change>) -> Vec<Change> {
    changes
        .into_iter()
        .filter(|change| match change {
            Change::Put(row) => state.row(&row.key()).as_ref() != Some(row),
            Change::Delete(key) => state.row(key).is_some(),
        })
        .collect()
}

/// One line per entity, in order of kind and name.
pub(crate) fn summary(state: &ModelState, changes: &[Change]) -> Vec<EntityChange> {
    let mut lines: Vec<EntityChange> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Put(row) => line(state, row, detail(state, changes, row)),
            Change::Delete(key) => state.row(key).and_then(|row| {
                let mut line = line(state, &row, None)?;
                line.change = ChangeKind::Removed;
                Some(line)
            }),
        })
        .collect();
    lines.sort_by(|a, b| {
        (a.kind, a.change)
            .cmp(&(b.kind, b.change))
            .then_with(|| lazuli_model::natural_cmp(&a.name, &b.name))
    });
    lines
}

/// What a relation joins, where a unit goes.
fn detail(state: &ModelState, changes: &[Change], row: &Row) -> Option<String> {
    match row {
        Row::Relation(relation) => {
            // The requirer first, as keys are written.
            let ends: Option<Vec<String>> = relation
                .endpoints
                .iter()
                .rev()
                .map(|end| {
                    let application = application_name(state, changes, end.application)?;
                    Some(format!("{application}:{}", end.name))
                })
                .collect();
            ends.map(|ends| ends.join(" "))
        }
        Row::Unit(unit) => {
            let machine = machine_name(state, changes, unit.machine)?;
            Some(format!("on machine {machine}"))
        }
        _ => None,
    }
}

/// The name of an application, which may come with the same changes.
fn application_name<'a>(
    state: &'a ModelState,
    changes: &'a [Change],
    id: ApplicationId,
) -> Option<&'a ApplicationName> {
    let there = state.application(id).map(|row| &row.name);
    there.or_else(|| {
        changes.iter().find_map(|change| match change {
            Change::Put(Row::Application(row)) if row.id == id => Some(&row.name),
            _ => None,
        })
    })
}

/// The name of a machine, which may come with the same changes.
fn machine_name<'a>(
    state: &'a ModelState,
    changes: &'a [Change],
    id: MachineId,
) -> Option<&'a MachineName> {
    let there = state.machine(id).map(|row| &row.name);
    there.or_else(|| {
        changes.iter().rev().find_map(|change| match change {
            Change::Put(Row::Machine(row)) if row.id == id => Some(&row.name),
            _ => None,
        })
    })
}

fn line(state: &ModelState, row: &Row, detail: Option<String>) -> Option<EntityChange> {
    let (kind, name, alive) = match row {
        Row::Model(row) => (EntityKind::Model, row.name.to_string(), row.life.is_alive()),
        Row::Charm(row) => (EntityKind::Charm, row.url.clone(), true),
        Row::Application(row) => (
            EntityKind::Application,
            row.name.to_string(),
            row.life.is_alive(),
        ),
        Row::Machine(row) => (
            EntityKind::Machine,
            row.name.to_string(),
            row.life.is_alive(),
        ),
        Row::Unit(row) => (EntityKind::Unit, row.name.to_string(), row.life.is_alive()),
        Row::Storage(row) => (
            EntityKind::Storage,
            row.name.to_string(),
            row.life.is_alive(),
        ),
        Row::Relation(row) => (
            EntityKind::Relation,
            row.number.to_string(),
            row.life.is_alive(),
        ),
        Row::Secret(row) => (EntityKind::Secret, row.id.to_string(), true),
        _ => return None,
    };
    let change = match (state.row(&row.key()), alive) {
        (None, _) => ChangeKind::Added,
        (Some(_), true) => ChangeKind::Changed,
        (Some(_), false) => ChangeKind::Removed,
    };
    Some(EntityChange {
        kind,
        name,
        change,
        detail,
    })
}
