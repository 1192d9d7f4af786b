//! Models.

use std::collections::BTreeMap;

use lazuli_model::constraints::Constraints;
use lazuli_model::state::{Model, Row, Space, StoragePool};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, life, parsed, part, raw, typed};
use crate::limit::Doing;

struct Record {
    id: Uuid,
    name: String,
    owner: String,
    controller: Uuid,
    cloud: String,
    region: String,
    address_range: String,
    config: Json<BTreeMap<String, String>>,
    constraints: Json<Constraints>,
    ssh_key: String,
    authorized_keys: Json<Vec<String>>,
    storage_pools: Json<BTreeMap<String, StoragePool>>,
    spaces: Json<BTreeMap<String, Space>>,
    life: String,
    force: bool,
    created_at: OffsetDateTime,
}

impl Record {
    fn model(self) -> Result<Model, StoreError> {
        Ok(Model {
            id: typed(self.id),
            name: parsed("models", "name", &self.name)?,
            owner: parsed("models", "owner", &self.owner)?,
            controller: typed(self.controller),
            cloud: self.cloud,
            region: self.region,
            address_range: self.address_range,
            config: self.config.0,
            constraints: self.constraints.0,
            ssh_key: self.ssh_key,
            authorized_keys: self.authorized_keys.0,
            storage_pools: self.storage_pools.0,
            spaces: self.spaces.0,
            life: life("models", &self.life)?,
            force: self.force,
            created_at: self.created_at,
        })
    }
}

/// A model's own row; none when there is no such model.
pub(crate) async fn load(
    connection: &mut PgConnection,
    model: Uuid,
) -> Result<Option<Model>, StoreError> {
    let record = query_as!(
        Record,
        r#"select id, name, owner, controller, cloud, region,
            address_range::text as "address_range!",
            config as "config: Json<BTreeMap<String, String>>",
            constraints as "constraints: Json<Constraints>", ssh_key,
            authorized_keys as "authorized_keys: Json<Vec<String>>",
            storage_pools as "storage_pools: Json<BTreeMap<String, StoragePool>>",
            spaces as "spaces: Json<BTreeMap<String, Space>>", life, force, created_at
         from models where id = $1"#,
        model
    )
    .fetch_optional(connection)
    .doing("load a model")
    .await?;
    record.map(Record::model).transpose()
}

pub(crate) async fn by_key(
    connection: &mut PgConnection,
    model: Uuid,
) -> Result<Vec<Row>, StoreError> {
    Ok(load(connection, model)
        .await?
        .map(Row::Model)
        .into_iter()
        .collect())
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Model>],
) -> Result<(), StoreError> {
    query!(
        "insert into models (id, name, owner, controller, cloud, region, address_range, config,
            constraints, ssh_key, authorized_keys, storage_pools, spaces, life, force, created_at)
         select id, name, owner, controller, cloud, region, address_range::cidr, config,
            constraints, ssh_key, authorized_keys, storage_pools, spaces, life, force, created_at
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[],
            $7::text[], $8::jsonb[], $9::jsonb[], $10::text[], $11::jsonb[], $12::jsonb[],
            $13::jsonb[], $14::text[], $15::boolean[], $16::timestamptz[])
            as r (id, name, owner, controller, cloud, region, address_range, config, constraints,
            ssh_key, authorized_keys, storage_pools, spaces, life, force, created_at)
         on conflict (id) do update set name = excluded.name, owner = excluded.owner,
            cloud = excluded.cloud, region = excluded.region,
            address_range = excluded.address_range, config = excluded.config,
            constraints = excluded.constraints, ssh_key = excluded.ssh_key,
            authorized_keys = excluded.authorized_keys, storage_pools = excluded.storage_pools,
            spaces = excluded.spaces, life = excluded.life, force = excluded.force",
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.name.to_string()),
        &column(rows, |row| row.owner.to_string()),
        &column(rows, |row| raw(row.controller)),
        &column(rows, |row| row.cloud.clone()),
        &column(rows, |row| row.region.clone()),
        &column(rows, |row| row.address_range.clone()),
        &column(rows, |row| Json(row.config.clone())) as &[Json<_>],
        &column(rows, |row| Json(row.constraints.clone())) as &[Json<_>],
        &column(rows, |row| row.ssh_key.clone()),
        &column(rows, |row| Json(row.authorized_keys.clone())) as &[Json<_>],
        &column(rows, |row| Json(row.storage_pools.clone())) as &[Json<_>],
        &column(rows, |row| Json(row.spaces.clone())) as &[Json<_>],
        &column(rows, |row| row.life.to_string()),
        &column(rows, |row| row.force),
        &column(rows, |row| row.created_at),
    )
    .execute(connection)
    .doing("write models")
    .await?;
    Ok(())
}

/// Removes models with all their rows. Heads stay as tombstones, events and
/// logs for as long as retention says.
pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, ())],
) -> Result<(), StoreError> {
    let ids = part(keys, |key| key.0);
    // One statement: what a crash must not leave half done is few and rare.
    query!(
        "with
            removed as (delete from models where id = any($1)),
            a as (delete from charms where model = any($1)),
            b as (delete from charm_names where model = any($1)),
            c as (delete from applications where model = any($1)),
            d as (delete from leaders where model = any($1)),
            e as (delete from machines where model = any($1)),
            f as (delete from machine_states where model = any($1)),
            g as (delete from units where model = any($1)),
            h as (delete from unit_states where model = any($1)),
            i as (delete from opened_ports where model = any($1)),
            j as (delete from relations where model = any($1)),
            k as (delete from relation_units where model = any($1)),
            l as (delete from relation_applications where model = any($1)),
            m as (delete from relation_seen where model = any($1)),
            n as (delete from remote_seen where model = any($1)),
            o as (delete from effects where model = any($1)),
            p as (delete from effect_bodies where model = any($1)),
            q as (delete from statuses where model = any($1)),
            secret_rows as (delete from secrets where model = any($1)),
            secret_contents as (delete from secret_revisions where model = any($1)),
            secret_readers as (delete from secret_consumers where model = any($1)),
            r as (delete from status_history where model = any($1)),
            s as (delete from data_keys where model = any($1)),
            sources as (delete from charm_sources where model = any($1)),
            resources as (delete from resources where model = any($1)),
            fetched as (delete from unit_resources where model = any($1)),
            uploads as (delete from uploads where model = any($1)),
            t as (delete from operations where model = any($1)),
            u as (delete from tasks where model = any($1)),
            v as (delete from task_logs where model = any($1)),
            w as (delete from charm_states where model = any($1))
         update heads set removed_at = now(), holder = null where model = any($1)",
        &ids
    )
    .execute(connection)
    .doing("remove a model")
    .await?;
    Ok(())
}
