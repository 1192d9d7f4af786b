//! Which of a machine's addresses an endpoint has: bindings, spaces, subnets.

use std::sync::Arc;

use lazuli_model::state::{
    Application, Change, Located, MachineState, ModelState, RelationUnit, Row, Settings, Subnets,
    Unit,
};

/// The interfaces that an endpoint (or an extra binding, or nothing for the
/// default) of an application has on a machine: those in the space that it is
/// bound to. None when the machine is not in that space.
#[must_use]
pub fn bound<'a>(
    subnets: &'a Subnets,
    application: &Application,
    endpoint: &str,
    known: &'a MachineState,
) -> Vec<Located<'a>> {
    known.in_space(subnets, application.space_of(endpoint))
}

/// What a unit's bags in relations say of its address: that of the endpoint's
/// space, or the machine's own where it has none there.
pub(crate) fn address_settings(
    state: &ModelState,
    application: &Application,
    endpoint: &str,
    known: Option<&MachineState>,
) -> Settings {
    let subnets = Subnets::of(state.model());
    let address = known.and_then(|known| {
        let bound = bound(&subnets, application, endpoint, known);
        bound.first().map(|one| one.address).or(known.address)
    });
    let address = address.map(|address| address.to_string());
    let address = address.unwrap_or_default();
    Settings::from([
        ("egress-subnets".to_owned(), format!("{address}/32")),
        ("ingress-address".to_owned(), address.clone()),
        ("private-address".to_owned(), address),
    ])
}

/// What config-changed depends on of the machine's addresses: the private and
/// the public one, and what endpoints have where that is not the same for all.
pub(crate) fn address_level(
    state: &ModelState,
    application: &Application,
    known: Option<&MachineState>,
) -> String {
    let Some(known) = known else {
        return String::new();
    };
    let text = |address: Option<std::net::IpAddr>| {
        address
            .map(|address| address.to_string())
            .unwrap_or_default()
    };
    let mut level = format!("{},{}", text(known.address), text(known.public_address));
    let model = state.model();
    // With one space there is nothing more to say, and that is the rule.
    if model.spaces.len() > 1
        && let Some(charm) = state.charm(application.charm)
    {
        let subnets = Subnets::of(model);
        for endpoint in charm.charm.meta.binding_names() {
            let bound = bound(&subnets, application, &endpoint, known);
            let addresses = bound.iter().map(|one| one.address.to_string());
            let addresses: Vec<_> = addresses.collect();
            if addresses != [text(known.address)] {
                level = format!("{level},{endpoint}={}", addresses.join("+"));
            }
        }
    }
    level
}

/// The unit's bags whose addresses are not the machine's any more, when the
/// unit is about to hear of other addresses (Juju's `UpdateNetworkInfo`). What
/// a charm wrote in their place stays until then.
pub(crate) fn moved_bags(
    state: &ModelState,
    unit: &Unit,
    application: &Application,
    seen: Option<&str>,
) -> Vec<Change> {
    let known = state.machine_state(unit.machine);
    let told = seen.and_then(|level| level.splitn(3, ':').nth(2));
    if told.is_none_or(|told| told == address_level(state, application, known)) {
        return Vec::new();
    }
    let mut changes = Vec::new();
    for relation in state.relations_of(application.id) {
        let (Some(row), Some(end)) = (
            state.relation_unit(relation.id, unit.id),
            relation.local(application.id),
        ) else {
            continue;
        };
        let mut settings = row.settings.as_ref().clone();
        for (key, value) in address_settings(state, application, end.name.as_str(), known) {
            if let Some(there) = settings.get_mut(&key) {
                *there = value;
            }
        }
        if settings != *row.settings {
            changes.push(Change::Put(Row::RelationUnit(RelationUnit {
                settings: Arc::new(settings),
                version: row.version + 1,
                ..row.clone()
            })));
        }
    }
    changes
}
