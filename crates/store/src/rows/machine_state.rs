//! What is known of machines.

use std::net::IpAddr;

use lazuli_model::id::MachineId;
use lazuli_model::state::{
    MachineFacts, MachineInterface, MachineState, ProvisioningFailure, Row, Unreachable,
};
use sqlx::types::Json;
use sqlx::{PgConnection, query, query_as};
use uuid::Uuid;

use crate::StoreError;
use crate::convert::{Of, column, integer, models, parsed, part, raw, typed, unsigned32};
use crate::limit::Doing;

struct Record {
    machine: Uuid,
    generation: i32,
    address: Option<String>,
    public_address: Option<String>,
    mac: Option<String>,
    interfaces: Json<Vec<MachineInterface>>,
    host_keys: Json<Vec<String>>,
    facts: Option<Json<MachineFacts>>,
    unreachable: Option<Json<Unreachable>>,
    failure: Option<Json<ProvisioningFailure>>,
}

impl Record {
    fn row(self) -> Result<Row, StoreError> {
        Ok(Row::MachineState(MachineState {
            machine: typed(self.machine),
            generation: unsigned32(self.generation),
            address: address("address", self.address.as_deref())?,
            public_address: address("public_address", self.public_address.as_deref())?,
            mac: self.mac,
            interfaces: self.interfaces.0,
            host_keys: self.host_keys.0,
            facts: self.facts.map(|json| json.0),
            unreachable: self.unreachable.map(|json| json.0),
            failure: self.failure.map(|json| json.0),
        }))
    }
}

macro_rules! select {
    ($filter:literal, $($argument:expr),+) => {
        query_as!(
            Record,
            "select machine, generation, host(address) as address, \
             host(public_address) as public_address, mac, \
             interfaces as \"interfaces: Json<Vec<MachineInterface>>\", \
             host_keys as \"host_keys: Json<Vec<String>>\", \
             facts as \"facts: Json<MachineFacts>\", \
             unreachable as \"unreachable: Json<Unreachable>\", \
             failure as \"failure: Json<ProvisioningFailure>\" \
             from machine_states t " + $filter,
            $($argument),+
        )
    };
}

readers! {
    "load states of machines", keys: MachineId,
    "where t.model = $1 and t.machine = any($2)",
    &part(keys, |id| raw(*id))
}

pub(crate) async fn put(
    connection: &mut PgConnection,
    rows: &[Of<'_, MachineState>],
) -> Result<(), StoreError> {
    query!(
        "insert into machine_states (model, machine, generation, address, public_address, mac,
            host_keys, facts, unreachable, failure, interfaces)
         select model, machine, generation, address::inet, public_address::inet, mac, host_keys,
            facts, unreachable, failure, interfaces
         from unnest($1::uuid[], $2::uuid[], $3::integer[], $4::text[], $5::text[], $6::text[],
            $7::jsonb[], $8::jsonb[], $9::jsonb[], $10::jsonb[], $11::jsonb[])
            as r (model, machine, generation, address, public_address, mac, host_keys, facts,
            unreachable, failure, interfaces)
         on conflict (model, machine) do update set generation = excluded.generation,
            address = excluded.address, public_address = excluded.public_address,
            mac = excluded.mac, host_keys = excluded.host_keys, facts = excluded.facts,
            unreachable = excluded.unreachable, failure = excluded.failure,
            interfaces = excluded.interfaces",
        &models(rows),
        &column(rows, |row| raw(row.machine)),
        &column(rows, |row| integer(row.generation)),
        &column(rows, |row| row.address.map(|address| address.to_string())) as &[Option<String>],
        &column(rows, |row| row
            .public_address
            .map(|address| address.to_string())) as &[Option<String>],
        &column(rows, |row| row.mac.clone()) as &[Option<String>],
        &column(rows, |row| Json(row.host_keys.clone())) as &[Json<_>],
        &column(rows, |row| row.facts.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| row.unreachable.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| row.failure.clone().map(Json)) as &[Option<Json<_>>],
        &column(rows, |row| Json(row.interfaces.clone())) as &[Json<_>],
    )
    .execute(connection)
    .doing("write states of machines")
    .await?;
    Ok(())
}

pub(crate) async fn delete(
    connection: &mut PgConnection,
    keys: &[(Uuid, MachineId)],
) -> Result<(), StoreError> {
    query!(
        "delete from machine_states t using unnest($1::uuid[], $2::uuid[]) as k (model, machine)
         where t.model = k.model and t.machine = k.machine",
        &part(keys, |key| key.0),
        &part(keys, |key| raw(key.1)),
    )
    .execute(connection)
    .doing("delete states of machines")
    .await?;
    Ok(())
}

fn address(what: &'static str, text: Option<&str>) -> Result<Option<IpAddr>, StoreError> {
    text.map(|text| parsed("machine_states", what, text))
        .transpose()
}
