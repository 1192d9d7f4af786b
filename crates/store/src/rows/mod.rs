//! Rows of a model: one file per noun, each with `load` (all of a model),
//! `by_key`, `put` and `delete` (in bulk, over models).

/// Writes `load` and `by_key` of a noun from its `select!` and `Record`: what
/// is done, in words; the type of a key; the filter by keys, whose first
/// argument is the model, and its other arguments.
macro_rules! readers {
    ($doing:literal, $keys:ident: $key:ty, $filter:literal, $($argument:expr),+) => {
        pub(crate) async fn load(
            connection: &mut PgConnection,
            model: Uuid,
        ) -> Result<Vec<Row>, StoreError> {
            let records = select!("where t.model = $1", model)
                .fetch_all(connection)
                .doing($doing)
                .await?;
            records.into_iter().map(Record::row).collect()
        }

        pub(crate) async fn by_key(
            connection: &mut PgConnection,
            model: Uuid,
            $keys: &[$key],
        ) -> Result<Vec<Row>, StoreError> {
            let records = select!($filter, model, $($argument),+)
                .fetch_all(connection)
                .doing($doing)
                .await?;
            records.into_iter().map(Record::row).collect()
        }
    };
}

pub(crate) mod application;
pub(crate) mod charm;
pub(crate) mod charm_source;
pub(crate) mod charm_state;
pub(crate) mod effect;
pub(crate) mod leader;
pub(crate) mod machine;
pub(crate) mod machine_state;
pub(crate) mod model;
pub(crate) mod opened_port;
pub(crate) mod operation;
pub(crate) mod relation;
pub(crate) mod relation_application;
pub(crate) mod relation_seen;
pub(crate) mod relation_unit;
pub(crate) mod remote_seen;
pub(crate) mod resource;
pub(crate) mod secret;
pub(crate) mod secret_consumer;
pub(crate) mod secret_revision;
pub(crate) mod status;
pub(crate) mod storage;
pub(crate) mod storage_state;
pub(crate) mod task;
pub(crate) mod unit;
pub(crate) mod unit_resources;
pub(crate) mod unit_state;

mod load;
mod write;

pub(crate) use load::{all, named};
pub(crate) use write::write;
