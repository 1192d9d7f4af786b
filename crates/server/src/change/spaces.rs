//! What is bound to spaces: endpoints, and through them machines.

use std::collections::{BTreeMap, BTreeSet};

use lazuli_api::Bind;
use lazuli_model::charm::Charm;
use lazuli_model::constraints::Constraints;
use lazuli_model::state::{ALPHA, Application, Machine, Model, ModelState, Row};

use super::{Draft, Refusal, application};

/// Refuses a space that there is not.
pub(super) fn check(model: &Model, name: &str) -> Result<(), Refusal> {
    let spaces = model.all_spaces();
    match spaces.contains_key(name) {
        true => Ok(()),
        false => Err(Refusal::not_found("space", name).near(name, spaces.keys())),
    }
}

/// The bindings of a new application. What the model says of those that are
/// not named holds from now on, whatever the model says later.
pub(super) fn of_deploy(
    model: &Model,
    charm: &Charm,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut bindings = read(model, charm, given)?;
    if model.default_space() != ALPHA {
        let default = || model.default_space().to_owned();
        bindings.entry(String::new()).or_insert_with(default);
    }
    Ok(bindings)
}

fn read(
    model: &Model,
    charm: &Charm,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let at = |refusal: Refusal| refusal.at("/endpoint_bindings");
    for (endpoint, space) in given {
        if !endpoint.is_empty() && !charm.meta.binding_names().any(|name| name == *endpoint) {
            let unknown = Refusal::not_found("endpoint", endpoint);
            return Err(at(unknown.near(endpoint, charm.meta.binding_names())));
        }
        check(model, space).map_err(at)?;
    }
    Ok(given.clone())
}

/// The spaces of a machine for what is bound, and with these constraints: the
/// model's default one first, if it is among them. Empty for the one that
/// machines are in when nothing is said.
pub(super) fn of_machine(
    model: &Model,
    bound: BTreeSet<String>,
    constraints: &Constraints,
) -> Result<Vec<String>, Refusal> {
    let mut spaces = bound;
    let named = || constraints.spaces.iter().flatten();
    for name in named().filter(|name| !name.starts_with('^')) {
        check(model, name).map_err(|refusal| refusal.at("/constraints"))?;
        spaces.insert(name.clone());
    }
    let default = model.default_space();
    if spaces.is_empty() {
        spaces.insert(default.to_owned());
    }
    for not in named().filter_map(|name| name.strip_prefix('^')) {
        if spaces.contains(not) {
            return Err(Refusal::invalid(format!(
                "constraint spaces=^{not} excludes a space that the machine needs: bind the \
                 endpoints to others"
            ))
            .at("/constraints"));
        }
    }
    if spaces.len() == 1 && spaces.contains(ALPHA) {
        return Ok(Vec::new());
    }
    let first = spaces.take(default);
    Ok(first.into_iter().chain(spaces).collect())
}

/// Binds endpoints of an application to other spaces.
pub(crate) fn bind(draft: &mut Draft<'_>, name: &str, request: &Bind) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let state = draft.state;
    let charm = state
        .charm(row.charm)
        .ok_or_else(|| Refusal::not_found("charm of application", name))?;
    if request.bindings.is_empty() {
        return Err(Refusal::invalid("no bindings specified").at("/bindings"));
    }
    rebind(
        draft,
        &mut row,
        &charm.charm,
        &request.bindings,
        request.force,
    )?;
    draft.put(Row::Application(row));
    Ok(())
}

/// Bindings that change with the charm; those of endpoints that it has no
/// more go.
pub(super) fn of_refresh(
    draft: &mut Draft<'_>,
    row: &mut Application,
    charm: &Charm,
    given: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    let names: BTreeSet<String> = charm.meta.binding_names().collect();
    row.bindings
        .retain(|name, _| name.is_empty() || names.contains(name));
    if given.is_empty() {
        return Ok(());
    }
    rebind(draft, row, charm, given, false)
}

/// Changes bindings. Endpoints that were bound to the old default follow it to
/// the new one (Juju). The machines that there are have to be in the new
/// spaces, unless that is forced.
fn rebind(
    draft: &mut Draft<'_>,
    row: &mut Application,
    charm: &Charm,
    given: &BTreeMap<String, String>,
    force: bool,
) -> Result<(), Refusal> {
    let given = read(draft.state.model(), charm, given)?;
    let before = row.clone();
    if given.contains_key("") {
        let old = before.space_of("");
        row.bindings.retain(|_, space| space != old);
    }
    row.bindings.extend(given);
    let mut names: Vec<String> = charm.meta.binding_names().collect();
    names.sort();
    let mut same: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names.iter().map(String::as_str).chain([""]) {
        let (from, to) = (before.space_of(name), row.space_of(name));
        if from == to {
            same.entry(to).or_default().push(name);
            continue;
        }
        if !force && !all_in(draft.state, row, to) {
            let what = match name {
                "" => format!("changing default space to {to:?}"),
                name => format!("changing binding of endpoint {name:?} to space {to:?}"),
            };
            return Err(Refusal::conflict(format!(
                "{what} is not feasible: one or more deployed machines lack an address in this \
                 space"
            )));
        }
        if !name.is_empty() {
            draft.notice(format!("moving endpoint {name:?} from {from:?} to {to:?}"));
        }
    }
    for (space, mut names) in same {
        names.retain(|name| !name.is_empty());
        if !names.is_empty() {
            let names = names.join(", ");
            draft.notice(format!(
                "no change to endpoints in space {space:?}: {names}"
            ));
        }
    }
    Ok(())
}

/// Whether all machines of an application are in a space.
fn all_in(state: &ModelState, row: &Application, space: &str) -> bool {
    state.units_of(row.id).all(|unit| {
        let machine = state.machine(unit.machine);
        let spaces = machine.and_then(Machine::spaces);
        spaces.is_none_or(|spaces| spaces.contains(&space))
    })
}
