//! The ledger.

use lazuli_model::id::{EffectId, ModelId};
use lazuli_model::state::{Effect, EffectFailure, EffectSpec, EffectState, Row};
use sqlx::types::Json;
use sqlx::{PgConnection, PgPool, query, query_as, query_scalar};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, models, part, raw, typed};
use crate::limit::Doing;
use crate::seal::Sealed;

struct Record {
    id: Uuid,
    machine: Option<Uuid>,
    parent: Option<Uuid>,
    name: String,
    spec: Json<EffectSpec>,
    state: String,
    sent_at: Option<OffsetDateTime>,
    operation: Option<String>,
    poll_at: Option<OffsetDateTime>,
    cloud_id: Option<String>,
    failure: Option<Json<EffectFailure>>,
    created_at: OffsetDateTime,
    changed_at: OffsetDateTime,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::Effect(Effect {
            id: typed(self.id),
            machine: self.machine.map(typed),
            parent: self.parent.map(typed),
            name: self.name,
            spec: self.spec.0,
            state: state(&self.state, self.sent_at, self.operation, self.poll_at)?,
            cloud_id: self.cloud_id,
            failure: self.failure.map(|json| json.0),
            created_at: self.created_at,
            changed_at: self.changed_at,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select id, machine, parent, name, spec as \"spec: Json<EffectSpec>\", \
             state, sent_at, operation, poll_at, cloud_id, \
             failure as \"failure: Json<EffectFailure>\", created_at, changed_at \
             from effects t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load effects", keys: EffectId,
    "where t.model = $1 and t.id = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, Effect>],
) -> Result<(), StoreError> {
    query!(
        "insert into effects (model, id, machine, parent, name, role, spec, state, sent_at,
            operation, poll_at, cloud_id, failure, created_at, changed_at)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[],
            $6::text[], $7::jsonb[], $8::text[], $9::timestamptz[], $10::text[],
            $11::timestamptz[], $12::text[], $13::jsonb[], $14::timestamptz[],
            $15::timestamptz[])
         on conflict (model, id) do update set machine = excluded.machine,
            parent = excluded.parent, name = excluded.name, role = excluded.role,
            spec = excluded.spec, state = excluded.state, sent_at = excluded.sent_at,
            operation = excluded.operation, poll_at = excluded.poll_at,
            cloud_id = excluded.cloud_id, failure = excluded.failure,
            created_at = excluded.created_at, changed_at = excluded.changed_at",
        &models(rows),
        &column(rows, |row| raw(row.id)),
        &column(rows, |row| row.machine.map(raw)) as &[Option<Uuid>],
        &column(rows, |row| row.parent.map(raw)) as &[Option<Uuid>],
        &column(rows, |row| row.name.clone()),
        &column(rows, |row| role(&row.spec).to_owned()),
        &column(rows, |row| Json(row.spec.clone())) as &[Json<_>],
        &column(rows, |row| row.state.as_str().to_owned()),
        &column(rows, |row| sent_at(&row.state)) as &[Option<OffsetDateTime>],
        &column(rows, |row| operation(&row.state)) as &[Option<String>],
        &column(rows, |row| poll_at(&row.state)) as &[Option<OffsetDateTime>],
        &column(rows, |row| row.cloud_id.clone()) as &[Option<String>],
        &column(rows, |row| row.failure.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| row.created_at),
        &column(rows, |row| row.changed_at),
    )
    .execute(connection)
    .doing("write effects")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, EffectId)],
) -> Result<(), StoreError> {
    query!(
        "with k as (
            select * from unnest($1::uuid[], $2::uuid[]) as k (model, id)
         ), bodies as (
            delete from effect_bodies t using k where t.model = k.model and t.effect = k.id
         )
         delete from effects t using k where t.model = k.model and t.id = k.id",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete effects")
    .await?;
    Ok(())
}

/// Stores the frozen bodies of effects. A body that is there stays: a repeat
/// sends the same bytes.
pub(crate) async fn freeze(
    connection: &mut PgConnection,
    bodies: &[(Uuid, EffectId, Sealed)],
) -> Result<(), StoreError> {
    let sealed: Vec<&[u8]> = bodies.iter().map(|body| body.2.as_bytes()).collect();
    query!(
        "insert into effect_bodies (model, effect, sealed)
         select * from unnest($1::uuid[], $2::uuid[], $3::bytea[])
         on conflict (model, effect) do nothing",
        &part(bodies, |body| body.0),
        &part(bodies, |body| raw(body.1)),
        &sealed as &[&[u8]],
    )
    .execute(connection)
    .doing("write the bodies of effects")
    .await?;
    Ok(())
}

/// The frozen body of an effect, sealed with the model's data key.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn body(
    pool: &PgPool,
    model: ModelId,
    effect: EffectId,
) -> Result<Option<Sealed>, StoreError> {
    let sealed = query_scalar!(
        "select sealed from effect_bodies where model = $1 and effect = $2",
        raw(model),
        raw(effect),
    )
    .fetch_optional(pool)
    .doing("read the body of an effect")
    .await?;
    Ok(sealed.map(Sealed::from_bytes))
}

fn role(spec: &EffectSpec) -> &'static str {
    match spec {
        EffectSpec::Group { .. } => "group",
        EffectSpec::Network { .. } => "network",
        EffectSpec::SecurityGroup { .. } => "security-group",
        EffectSpec::NatGateway { .. } => "nat-gateway",
        EffectSpec::PublicAddress { .. } => "public-address",
        EffectSpec::Association { .. } => "association",
        EffectSpec::VirtualMachine(_) => "virtual-machine",
        EffectSpec::Disk { .. } => "disk",
        EffectSpec::DataDisks { .. } => "data-disks",
        EffectSpec::Child { .. } => "child",
    }
}

fn sent_at(state: &EffectState) -> Option<OffsetDateTime> {
    match state {
        EffectState::Sent { at } => Some(*at),
        _ => None,
    }
}

fn operation(state: &EffectState) -> Option<String> {
    match state {
        EffectState::Accepted { operation, .. } | EffectState::Deleting { operation, .. } => {
            operation.clone()
        }
        _ => None,
    }
}

fn poll_at(state: &EffectState) -> Option<OffsetDateTime> {
    match state {
        EffectState::Accepted { poll_at, .. } | EffectState::Deleting { poll_at, .. } => {
            Some(*poll_at)
        }
        _ => None,
    }
}

fn state(
    word: &str,
    sent_at: Option<OffsetDateTime>,
    operation: Option<String>,
    poll_at: Option<OffsetDateTime>,
) -> Result<EffectState, StoreError> {
    match (word, sent_at, poll_at) {
        ("planned", ..) => Ok(EffectState::Planned),
        ("sent", Some(at), _) => Ok(EffectState::Sent { at }),
        ("accepted", _, Some(poll_at)) => Ok(EffectState::Accepted { operation, poll_at }),
        ("present", ..) => Ok(EffectState::Present),
        ("deleting", _, Some(poll_at)) => Ok(EffectState::Deleting { operation, poll_at }),
        ("gone", ..) => Ok(EffectState::Gone),
        ("foreign", ..) => Ok(EffectState::Foreign),
        _ => Err(StoreError::Corrupt {
            table: "effects",
            what: "state",
            value: word.to_owned(),
        }),
    }
}
