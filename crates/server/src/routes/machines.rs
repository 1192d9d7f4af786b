//! Machines.

use std::net::IpAddr;

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{AddMachines, Changed, HostKeys, Removal, WriteQuery};
use lazuli_model::document::status::{Machine, Machines};
use lazuli_model::id::GenericUuid as _;
use lazuli_model::state::{self, MachineSource, ModelState};
use lazuli_plan::document::machine_document;

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Whom machines of the cloud let in.
const LOGIN: &str = "ubuntu";

/// Lists machines.
#[utoipa::path(get, path = "/models/{model}/machines", tag = "machines",
    responses((status = 200, body = Machines)))]
pub(super) async fn list_machines(Shown(loaded): Shown) -> Result<Json<Machines>, Error> {
    let state = &loaded.state;
    Ok(Json(Machines {
        model: state.model().name.to_string(),
        machines: state
            .machines()
            .map(|row| (row.name.to_string(), machine_document(state, row)))
            .collect(),
    }))
}

/// Adds machines without units.
#[utoipa::path(post, path = "/models/{model}/machines", tag = "machines", params(WriteQuery),
    request_body = AddMachines, responses((status = 201, body = Changed)))]
pub(super) async fn add_machines(edit: Edit<Write, Body<AddMachines>>) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        change::add_machines(draft, &body.value)
    })
    .await
}

/// Shows a machine.
#[utoipa::path(get, path = "/models/{model}/machines/{machine}", tag = "machines",
    responses((status = 200, body = Machine)))]
pub(super) async fn show_machine(
    Named(name): Named,
    Shown(loaded): Shown,
) -> Result<Json<Machine>, Error> {
    let row = change::machine(&loaded.state, &name)?;
    Ok(Json(machine_document(&loaded.state, row)))
}

/// Sets a machine dying.
#[utoipa::path(delete, path = "/models/{model}/machines/{machine}", tag = "machines",
    params(Removal), responses((status = 202, body = Changed)))]
pub(super) async fn remove_machine(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::ACCEPTED, |draft, Query(removal)| {
        change::remove_machine(draft, &name, removal)
    })
    .await
}

/// Shows how to know a machine again when logging in to it.
#[utoipa::path(get, path = "/models/{model}/machines/{machine}/ssh-keys", tag = "machines",
    responses((status = 200, body = HostKeys)))]
pub(super) async fn show_host_keys(
    Named(name): Named,
    Shown(loaded): Shown,
) -> Result<Json<HostKeys>, Error> {
    let row = change::machine(&loaded.state, &name)?;
    Ok(Json(host_keys(&loaded.state, row)))
}

fn host_keys(state: &ModelState, row: &state::Machine) -> HostKeys {
    let known = state.machine_state(row.id);
    let (user, given) = match &row.source {
        MachineSource::Cloud { .. } => (LOGIN, &[][..]),
        MachineSource::Manual {
            user, host_keys, ..
        } => (user.as_str(), &host_keys[..]),
    };
    let pinned = known.map_or(&[][..], |known| &known.host_keys[..]);
    let keys = if pinned.is_empty() { given } else { pinned };
    let public = known.and_then(|known| known.public_address);
    let private = address(state, row);
    let model = state.model().id.into_untyped_uuid();
    let alias = format!("lazuli-{model}-machine-{}", row.name);
    let names: Vec<String> = std::iter::once(alias.clone())
        .chain(
            [public, private]
                .into_iter()
                .flatten()
                .map(|ip| ip.to_string()),
        )
        .collect();
    let known_hosts = keys.iter().map(|key| format!("{} {key}", names.join(",")));
    HostKeys {
        machine: row.name.to_string(),
        user: user.to_owned(),
        address: private.map(|ip| ip.to_string()),
        public_address: public.map(|ip| ip.to_string()),
        host_keys: keys.to_vec(),
        known_hosts: known_hosts.collect(),
        alias,
    }
}

/// Where a machine is within its model's network; of manual ones where they
/// were enlisted.
pub(super) fn address(state: &ModelState, row: &state::Machine) -> Option<IpAddr> {
    match &row.source {
        MachineSource::Manual { host, .. } => Some(*host),
        MachineSource::Cloud { .. } => state.machine_state(row.id)?.address,
    }
}
