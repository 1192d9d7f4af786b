//! Spaces and bindings.

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use lazuli_api::{
    AddSpace, Bind, ChangeSpace, Changed, Removal, SpaceInfo, SpaceList, SubnetInfo, WriteQuery,
};
use lazuli_model::state::{EffectSpec, EffectState, ModelState, Space, Subnets};
use lazuli_plan::SharedNames;

use crate::change;
use crate::error::Error;
use crate::extract::{Body, Edit, Named, Query, Shown, Write};

/// Lists the spaces of a model.
#[utoipa::path(get, path = "/models/{model}/spaces", tag = "spaces",
    responses((status = 200, body = SpaceList)))]
pub(super) async fn list_spaces(Shown(loaded): Shown) -> Json<SpaceList> {
    let state = &loaded.state;
    let all = state.model().all_spaces().into_iter();
    let mut spaces: Vec<_> = all.map(|(name, space)| info(state, name, &space)).collect();
    spaces.sort_by_key(|space| space.id);
    Json(SpaceList { spaces })
}

fn info(state: &ModelState, name: String, space: &Space) -> SpaceInfo {
    let network = SharedNames::of(state.model()).network;
    let made = |subnet: &String| {
        state.effects().any(|effect| match &effect.spec {
            EffectSpec::Network { subnets, .. } => {
                subnets.contains_key(subnet) && effect.state == EffectState::Present
            }
            _ => false,
        })
    };
    let known = Subnets::of(state.model());
    let has_address = |known_machine: &lazuli_model::state::MachineState| {
        let located = known_machine.located(&known);
        located
            .iter()
            .any(|one| one.subnet.is_some_and(|(_, of)| of == name))
    };
    let machines = state.machines();
    let machines = machines.filter_map(|machine| state.machine_state(machine.id));
    let bound = |row: &&lazuli_model::state::Application| {
        let charm = state.charm(row.charm);
        charm.is_some_and(|charm| row.bound_spaces(&charm.charm).contains(&name))
    };
    SpaceInfo {
        id: space.number,
        subnets: space
            .subnets
            .iter()
            .map(|(cidr, subnet)| SubnetInfo {
                cidr: cidr.clone(),
                provider_id: subnet.clone(),
                provider_network_id: network.clone(),
                made: made(subnet),
            })
            .collect(),
        applications: state
            .applications()
            .filter(bound)
            .map(|row| row.name.to_string())
            .collect(),
        machine_count: u32::try_from(machines.filter(|one| has_address(one)).count())
            .unwrap_or(u32::MAX),
        name,
    }
}

/// Makes a space.
#[utoipa::path(post, path = "/models/{model}/spaces", tag = "spaces",
    params(WriteQuery), request_body = AddSpace, responses((status = 201, body = Changed)))]
pub(super) async fn add_space(edit: Edit<Write, Body<AddSpace>>) -> Result<Response, Error> {
    edit.apply(StatusCode::CREATED, |draft, body| {
        change::add_space(draft, &body.value.name, &body.value.subnets)
    })
    .await
}

/// Renames a space, or moves subnets to it.
#[utoipa::path(patch, path = "/models/{model}/spaces/{space}", tag = "spaces",
    params(WriteQuery), request_body = ChangeSpace, responses((status = 200, body = Changed)))]
pub(super) async fn change_space(
    Named(name): Named,
    edit: Edit<Write, Body<ChangeSpace>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        let change = &body.value;
        match &change.name {
            Some(new) if change.subnets.is_empty() => change::rename_space(draft, &name, new),
            Some(_) => Err(change::Refusal::invalid(
                "a space is renamed, or given subnets: not both at once",
            )),
            None => change::move_to_space(draft, &name, &change.subnets, change.force),
        }
    })
    .await
}

/// Removes a space; its subnets are the first space's then.
#[utoipa::path(delete, path = "/models/{model}/spaces/{space}", tag = "spaces",
    params(Removal), responses((status = 200, body = Changed)))]
pub(super) async fn remove_space(
    Named(name): Named,
    edit: Edit<Write, Query<Removal>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, removal| {
        change::remove_space(draft, &name, removal.0.force)
    })
    .await
}

/// Binds endpoints of an application to spaces.
#[utoipa::path(post, path = "/models/{model}/applications/{application}/bindings",
    tag = "spaces", params(WriteQuery), request_body = Bind,
    responses((status = 200, body = Changed)))]
pub(super) async fn bind(
    Named(name): Named,
    edit: Edit<Write, Body<Bind>>,
) -> Result<Response, Error> {
    edit.apply(StatusCode::OK, |draft, body| {
        change::bind(draft, &name, &body.value)
    })
    .await
}
