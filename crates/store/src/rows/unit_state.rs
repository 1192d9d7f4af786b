//! What units have done.

use lazuli_model::id::UnitId;
use lazuli_model::state::{HookError, LeadershipSeen, Row, UnitState};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, bigint, column, models, part, raw, typed, unsigned};
use crate::limit::Doing;

struct Record {
    unit: Uuid,
    hook_seq: i64,
    charm: Option<Uuid>,
    installed: bool,
    started: bool,
    stopped: bool,
    removed: bool,
    config_seen: Option<String>,
    leadership_seen: String,
    leadership_version: i64,
    boot_seen: Option<String>,
    error: Option<Json<HookError>>,
    resolved: i64,
    updated_at: Option<OffsetDateTime>,
    workload_version: Option<String>,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::UnitState(UnitState {
            unit: typed(self.unit),
            hook_seq: unsigned(self.hook_seq),
            charm: self.charm.map(typed),
            installed: self.installed,
            started: self.started,
            stopped: self.stopped,
            removed: self.removed,
            config_seen: self.config_seen,
            leadership_seen: seen(&self.leadership_seen, self.leadership_version)?,
            boot_seen: self.boot_seen,
            error: self.error.map(|json| json.0),
            resolved: unsigned(self.resolved),
            updated_at: self.updated_at,
            workload_version: self.workload_version,
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select unit, hook_seq, charm, installed, started, stopped, removed, \
             config_seen, leadership_seen, leadership_version, boot_seen, \
             error as \"error: Json<HookError>\", resolved, updated_at, workload_version \
             from unit_states t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load states of units", keys: UnitId,
    "where t.model = $1 and t.unit = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, UnitState>],
) -> Result<(), StoreError> {
    query!(
        "insert into unit_states (model, unit, hook_seq, charm, installed, started, stopped,
            removed, config_seen, leadership_seen, leadership_version, boot_seen, error,
            resolved, updated_at, workload_version)
         select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::boolean[],
            $6::boolean[], $7::boolean[], $8::boolean[], $9::text[], $10::text[], $11::bigint[],
            $12::text[], $13::jsonb[], $14::bigint[], $15::timestamptz[], $16::text[])
         on conflict (model, unit) do update set hook_seq = excluded.hook_seq,
            charm = excluded.charm, installed = excluded.installed, started = excluded.started,
            stopped = excluded.stopped, removed = excluded.removed,
            config_seen = excluded.config_seen, leadership_seen = excluded.leadership_seen,
            leadership_version = excluded.leadership_version, boot_seen = excluded.boot_seen,
            error = excluded.error, resolved = excluded.resolved,
            updated_at = excluded.updated_at, workload_version = excluded.workload_version",
        &models(rows),
        &column(rows, |row| raw(row.unit)),
        &column(rows, |row| bigint(row.hook_seq)),
        &column(rows, |row| row.charm.map(raw)) as &[Option<Uuid>],
        &column(rows, |row| row.installed),
        &column(rows, |row| row.started),
        &column(rows, |row| row.stopped),
        &column(rows, |row| row.removed),
        &column(rows, |row| row.config_seen.clone()) as &[Option<String>],
        &column(rows, |row| word(row.leadership_seen).to_owned()),
        &column(rows, |row| version(row.leadership_seen)),
        &column(rows, |row| row.boot_seen.clone()) as &[Option<String>],
        &column(rows, |row| row.error.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| bigint(row.resolved)),
        &column(rows, |row| row.updated_at) as &[Option<OffsetDateTime>],
        &column(rows, |row| row.workload_version.clone()) as &[Option<String>],
    )
    .execute(connection)
    .doing("write states of units")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, UnitId)],
) -> Result<(), StoreError> {
    query!(
        "delete from unit_states t using unnest($1::uuid[], $2::uuid[]) as k (model, unit)
         where t.model = k.model and t.unit = k.unit",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete states of units")
    .await?;
    Ok(())
}

fn word(seen: LeadershipSeen) -> &'static str {
    match seen {
        LeadershipSeen::Nothing => "nothing",
        LeadershipSeen::Elected => "elected",
        LeadershipSeen::Follower { .. } => "follower",
    }
}

fn version(seen: LeadershipSeen) -> i64 {
    match seen {
        LeadershipSeen::Nothing | LeadershipSeen::Elected => 0,
        LeadershipSeen::Follower { version } => bigint(version),
    }
}

fn seen(word: &str, version: i64) -> Result<LeadershipSeen, StoreError> {
    match word {
        "nothing" => Ok(LeadershipSeen::Nothing),
        "elected" => Ok(LeadershipSeen::Elected),
        "follower" => Ok(LeadershipSeen::Follower {
            version: unsigned(version),
        }),
        _ => Err(StoreError::Corrupt {
            table: "unit_states",
            what: "leadership_seen",
            value: word.to_owned(),
        }),
    }
}
