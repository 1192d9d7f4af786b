//! Writes changes of rows in bulk: at most two statements per kind of row.

use lazuli_model::state::{Change, Row, RowKey};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    application, charm, charm_source, charm_state, effect, leader, machine, machine_state, model,
    opened_port, operation, relation, relation_application, relation_seen, relation_unit,
    remote_seen, resource, secret, secret_consumer, secret_revision, status, storage,
    storage_state, task, unit, unit_resources, unit_state,
};
use crate::StoreError;

/// Writes changes, of which no two are about the same row. What goes, goes
/// first, so that a name is free for a successor in the same batch.
pub(crate) async fn write(
    connection: &mut PgConnection,
    changes: &[(Uuid, &Change)],
) -> Result<(), StoreError> {
    macro_rules! delete {
        ($noun:ident, $($pattern:pat => $key:expr),+) => {
            let keys: Vec<_> = changes
                .iter()
                .filter_map(|(model, change)| match change {
                    $(Change::Delete($pattern) => Some((*model, $key)),)+
                    _ => None,
                })
                .collect();
            if !keys.is_empty() {
                $noun::delete(connection, &keys).await?;
            }
        };
    }
    macro_rules! put {
        ($noun:ident, $kind:ident) => {
            let rows: Vec<_> = changes
                .iter()
                .filter_map(|(model, change)| match change {
                    Change::Put(Row::$kind(row)) => Some((*model, row)),
                    _ => None,
                })
                .collect();
            if !rows.is_empty() {
                $noun::put(connection, &rows).await?;
            }
        };
    }
    delete!(charm, RowKey::Charm(id) => *id);
    delete!(application, RowKey::Application(id) => *id);
    delete!(charm_source, RowKey::CharmSource(id) => *id);
    delete!(resource, RowKey::Resource(id, name) => (*id, name.clone()));
    delete!(unit_resources, RowKey::UnitResources(id) => *id);
    delete!(leader, RowKey::Leader(id) => *id);
    delete!(machine, RowKey::Machine(id) => *id);
    delete!(machine_state, RowKey::MachineState(id) => *id);
    delete!(unit, RowKey::Unit(id) => *id);
    delete!(unit_state, RowKey::UnitState(id) => *id);
    delete!(charm_state, RowKey::CharmState(id) => *id);
    delete!(opened_port, RowKey::OpenedPort(port) => port.clone());
    delete!(relation, RowKey::Relation(id) => *id);
    delete!(relation_unit, RowKey::RelationUnit(relation, unit) => (*relation, *unit));
    delete!(
        relation_application,
        RowKey::RelationApplication(relation, application) => (*relation, *application)
    );
    delete!(relation_seen, RowKey::RelationSeen(unit, relation) => (*unit, *relation));
    delete!(
        remote_seen,
        RowKey::RemoteSeen(unit, relation, remote) => (*unit, *relation, *remote)
    );
    delete!(storage, RowKey::Storage(id) => *id);
    delete!(storage_state, RowKey::StorageState(id) => *id);
    delete!(effect, RowKey::Effect(id) => *id);
    delete!(secret, RowKey::Secret(id) => *id);
    delete!(secret_revision, RowKey::SecretRevision(id, revision) => (*id, *revision));
    delete!(secret_consumer, RowKey::SecretConsumer(unit, id) => (*unit, *id));
    delete!(status, RowKey::Status(key) => *key);
    delete!(task, RowKey::Task(number) => *number);

    put!(model, Model);
    put!(charm, Charm);
    put!(application, Application);
    put!(charm_source, CharmSource);
    put!(resource, Resource);
    put!(unit_resources, UnitResources);
    put!(leader, Leader);
    put!(machine, Machine);
    put!(machine_state, MachineState);
    put!(unit, Unit);
    put!(unit_state, UnitState);
    put!(charm_state, CharmState);
    put!(opened_port, OpenedPort);
    put!(relation, Relation);
    put!(relation_unit, RelationUnit);
    put!(relation_application, RelationApplication);
    put!(relation_seen, RelationSeen);
    put!(remote_seen, RemoteSeen);
    put!(storage, Storage);
    put!(storage_state, StorageState);
    put!(effect, Effect);
    put!(secret, Secret);
    put!(secret_revision, SecretRevision);
    put!(secret_consumer, SecretConsumer);
    put!(operation, Operation);
    put!(task, Task);
    let logs: Vec<_> = changes
        .iter()
        .filter_map(|(model, change)| match change {
            Change::Put(Row::TaskLog(row)) => Some((*model, row)),
            _ => None,
        })
        .collect();
    if !logs.is_empty() {
        operation::put_logs(connection, &logs).await?;
    }
    let statuses: Vec<_> = changes
        .iter()
        .filter_map(|(model, change)| match change {
            Change::Put(Row::Status(key, status)) => Some((*model, *key, status)),
            _ => None,
        })
        .collect();
    if !statuses.is_empty() {
        status::put(connection, &statuses).await?;
    }

    // Last, so that nothing of the batch stays behind.
    delete!(model, RowKey::Model => ());
    Ok(())
}
