//! Deploying a charm.

use lazuli_api::Deploy;
use lazuli_model::charm::{Charm, JujuVersion};
use lazuli_model::constraints::Constraints;
use lazuli_model::document::JUJU_VERSION;
use lazuli_model::id::{ApplicationId, GenericUuid, RelationId};
use lazuli_model::life::Life;
use lazuli_model::names::{ApplicationName, EndpointName};
use lazuli_model::state::{
    Application, CharmRevision, Endpoint, EndpointRole, ModelState, Relation, Row,
};

use super::units::{self, Count};
use super::{Draft, Refusal, base, config, place, resources, source, spaces, storage};

/// Deploys a charm: the application, its peer relations, its units and their
/// machines.
pub(crate) fn deploy(draft: &mut Draft<'_>, request: &Deploy) -> Result<(), Refusal> {
    draft.check_alive()?;
    let revision = charm(draft.state, &request.charm)?;
    let charm = &revision.charm;
    check_charm(charm)?;
    let name = name(draft.state, request, revision)?;
    let chosen = base::choose(draft.state, charm, request.base.as_deref(), request.force)?;
    draft.notices.extend(chosen.notice);
    let given = config::read(charm, &request.config)?;
    let constraints = new_constraints(draft, request.constraints.as_deref())?;
    let bindings = spaces::of_deploy(draft.state.model(), charm, &request.endpoint_bindings)?;
    let storage = storage::of_deploy(draft.state.model(), charm, request)?;
    let trust = given.trust.unwrap_or(request.trust);
    let mut settings = lazuli_model::config::Settings::new();
    given.apply(&mut settings);
    let mut row = Application {
        id: ApplicationId::from_untyped_uuid(draft.numbers.id()),
        name,
        charm: revision.id,
        base: chosen.base,
        constraints,
        config: settings,
        exposed: None,
        bindings,
        storage,
        trust,
        life: Life::Alive,
        force: false,
        next_unit: 0,
        created_at: draft.now,
    };
    let constrained = request.constraints.as_deref().unwrap_or_default();
    if charm.meta.subordinate && !constrained.trim().is_empty() {
        return Err(
            Refusal::invalid("cannot use --constraints with subordinate application")
                .at("/constraints"),
        );
    }
    let count = count(request, charm.meta.subordinate)?;
    let placements = place::read(&request.placement)?;
    add_peers(draft, &row, charm);
    units::add(
        draft,
        (&mut row, charm),
        count,
        &placements,
        &request.attach_storage,
    )?;
    resources::give(draft, &row, charm, &request.resources)?;
    resources::tell_missing(draft, &row, charm);
    source::follow(draft, &row, request.channel.as_deref(), false);
    draft.put(Row::Application(row));
    Ok(())
}

/// The charm of this url.
pub(super) fn charm<'a>(state: &'a ModelState, url: &str) -> Result<&'a CharmRevision, Refusal> {
    let found = state.charms().find(|charm| charm.url == url);
    found.ok_or_else(|| Refusal::not_found("charm", url).at("/charm"))
}

/// Refuses charms that cannot run here at all.
pub(super) fn check_charm(charm: &Charm) -> Result<(), Refusal> {
    let name = charm.meta.name.as_str();
    if !charm.meta.containers.is_empty() {
        return Err(Refusal::invalid(format!(
            "charm {name:?} is for Kubernetes models: it has containers, and machines run none"
        )));
    }
    let version: Option<JujuVersion> = JUJU_VERSION.parse().ok();
    let unmet = match (&charm.meta.assumes, version) {
        (Some(assumes), Some(version)) => assumes.unmet(version),
        _ => Vec::new(),
    };
    if unmet.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(format!(
        "charm cannot be deployed because {}",
        unmet.join("; ")
    )))
}

fn name(
    state: &ModelState,
    request: &Deploy,
    charm: &CharmRevision,
) -> Result<ApplicationName, Refusal> {
    let text = request.name.as_deref().unwrap_or(&charm.name);
    let name: ApplicationName = text
        .parse()
        .map_err(|error| Refusal::from(error).at("/name"))?;
    if state.applications().any(|other| other.name == name) {
        return Err(Refusal::exists(format!(
            "application {:?} already exists",
            name.as_str()
        )));
    }
    Ok(name)
}

fn count(request: &Deploy, subordinate: bool) -> Result<Count, Refusal> {
    let asked = request.num_units.unwrap_or(0) > 0 || !request.placement.is_empty();
    if subordinate && asked {
        return Err(Refusal::invalid(
            "cannot use --num-units or --to with subordinate application",
        ));
    }
    let default = u32::from(!subordinate);
    units::count(request.num_units.unwrap_or(default), &request.placement)
}

/// Constraints of a request; none says nothing.
pub(crate) fn constraints(text: Option<&str>) -> Result<Constraints, Refusal> {
    let read = text.unwrap_or_default().parse::<Constraints>();
    let checked = read.and_then(|read| read.check_conflicts().map(|()| read));
    checked.map_err(|error| Refusal::from(error).at("/constraints"))
}

/// Constraints to be kept. Those that mean nothing are said to, in Juju's
/// words.
pub(super) fn new_constraints(
    draft: &mut Draft<'_>,
    text: Option<&str>,
) -> Result<Constraints, Refusal> {
    let constraints = constraints(text)?;
    let unsupported = constraints.unsupported();
    if !unsupported.is_empty() {
        let notice = format!("unsupported constraints: {}", unsupported.join(","));
        draft.notice(notice);
    }
    Ok(constraints)
}

/// Peer relations are there from the start.
pub(super) fn add_peers(draft: &mut Draft<'_>, row: &Application, charm: &Charm) {
    for (name, endpoint) in charm.meta.peers() {
        add_peer(draft, row, name, &endpoint.interface);
    }
}

pub(super) fn add_peer(
    draft: &mut Draft<'_>,
    row: &Application,
    name: &EndpointName,
    interface: &str,
) {
    let end = Endpoint {
        application: row.id,
        name: name.clone(),
        interface: interface.to_owned(),
        role: EndpointRole::Peer,
        container_scoped: false,
    };
    let id = RelationId::from_untyped_uuid(draft.numbers.id());
    let number = draft.numbers.relation();
    draft.put(Row::Relation(Relation {
        id,
        number,
        endpoints: vec![end],
        life: Life::Alive,
        force: false,
        created_at: draft.now,
    }));
}
