//! Reads all rows of a model, or those that keys name.

use std::collections::BTreeSet;

use lazuli_model::id::ModelId;
use lazuli_model::state::{Change, ModelState, Row, RowKey};
use sqlx::PgConnection;

use super::{
    application, charm, charm_source, charm_state, effect, leader, machine, machine_state, model,
    opened_port, relation, relation_application, relation_seen, relation_unit, remote_seen,
    resource, secret, secret_consumer, secret_revision, status, storage, storage_state, task, unit,
    unit_resources, unit_state,
};
use crate::StoreError;
use crate::convert::raw;

/// All rows of a model; none when there is no such model. The caller sees to
/// it that all queries read the same snapshot.
pub(crate) async fn all(
    connection: &mut PgConnection,
    id: ModelId,
) -> Result<Option<ModelState>, StoreError> {
    let id = raw(id);
    let Some(own) = model::load(connection, id).await? else {
        return Ok(None);
    };
    let mut state = ModelState::new(own);
    macro_rules! apply {
        ($($noun:ident),+) => {$(
            for row in $noun::load(connection, id).await? {
                state.apply(Change::Put(row));
            }
        )+};
    }
    apply!(
        charm,
        application,
        charm_source,
        resource,
        unit_resources,
        leader,
        machine,
        machine_state,
        unit,
        unit_state,
        charm_state,
        opened_port,
        relation,
        relation_unit,
        relation_application,
        relation_seen,
        remote_seen,
        storage,
        storage_state,
        effect,
        secret,
        secret_revision,
        secret_consumer,
        status,
        task
    );
    Ok(Some(state))
}

/// What became of rows: `Put` of those that exist, `Delete` of the others, in
/// the order of their keys. One query per kind of row.
pub(crate) async fn named(
    connection: &mut PgConnection,
    id: ModelId,
    keys: &BTreeSet<RowKey>,
) -> Result<Vec<Change>, StoreError> {
    let id = raw(id);
    let mut found: Vec<Row> = Vec::with_capacity(keys.len());
    macro_rules! find {
        ($noun:ident, $($pattern:pat => $key:expr),+) => {
            let wanted: Vec<_> = keys
                .iter()
                .filter_map(|key| match key {
                    $($pattern => Some($key),)+
                    _ => None,
                })
                .collect();
            if !wanted.is_empty() {
                found.extend($noun::by_key(connection, id, &wanted).await?);
            }
        };
    }
    if keys.contains(&RowKey::Model) {
        found.extend(model::by_key(connection, id).await?);
    }
    find!(charm, RowKey::Charm(id) => *id);
    find!(application, RowKey::Application(id) => *id);
    find!(charm_source, RowKey::CharmSource(id) => *id);
    find!(resource, RowKey::Resource(id, name) => (*id, name.clone()));
    find!(unit_resources, RowKey::UnitResources(id) => *id);
    find!(leader, RowKey::Leader(id) => *id);
    find!(machine, RowKey::Machine(id) => *id);
    find!(machine_state, RowKey::MachineState(id) => *id);
    find!(unit, RowKey::Unit(id) => *id);
    find!(unit_state, RowKey::UnitState(id) => *id);
    find!(charm_state, RowKey::CharmState(id) => *id);
    find!(opened_port, RowKey::OpenedPort(port) => port.clone());
    find!(relation, RowKey::Relation(id) => *id);
    find!(relation_unit, RowKey::RelationUnit(relation, unit) => (*relation, *unit));
    find!(
        relation_application,
        RowKey::RelationApplication(relation, application) => (*relation, *application)
    );
    find!(relation_seen, RowKey::RelationSeen(unit, relation) => (*unit, *relation));
    find!(
        remote_seen,
        RowKey::RemoteSeen(unit, relation, remote) => (*unit, *relation, *remote)
    );
    find!(storage, RowKey::Storage(id) => *id);
    find!(storage_state, RowKey::StorageState(id) => *id);
    find!(effect, RowKey::Effect(id) => *id);
    find!(secret, RowKey::Secret(id) => *id);
    find!(secret_revision, RowKey::SecretRevision(id, revision) => (*id, *revision));
    find!(secret_consumer, RowKey::SecretConsumer(unit, id) => (*unit, *id));
    find!(status, RowKey::Status(key) => *key);
    find!(task, RowKey::Task(number) => *number);

    let mut changes: Vec<Change> = found.into_iter().map(Change::Put).collect();
    let there: BTreeSet<RowKey> = changes.iter().map(Change::key).collect();
    changes.extend(keys.difference(&there).cloned().map(Change::Delete));
    changes.sort_by_key(Change::key);
    Ok(changes)
}
