//! Which endpoints two applications are joined by (Juju,
//! `state/state.go: InferEndpoints`).

use lazuli_model::charm::{Endpoint as CharmEndpoint, JUJU_INFO, Scope};
use lazuli_model::names::{ApplicationName, EndpointName};
use lazuli_model::state::{Application, EndpointRole, ModelState, Relation};
use lazuli_plan::document::relation_key;

use super::{Refusal, application_not_found};

/// One end as a user names it: `app` or `app:endpoint`.
pub(super) struct Named {
    application: ApplicationName,
    endpoint: Option<EndpointName>,
}

/// One end of a relation that could be.
#[derive(Clone)]
pub(super) struct End<'a> {
    pub(super) application: &'a Application,
    pub(super) name: EndpointName,
    pub(super) endpoint: &'a CharmEndpoint,
    pub(super) subordinate: bool,
    implicit: bool,
}

/// Two ends, the provider first.
pub(super) struct Candidate<'a> {
    pub(super) provider: End<'a>,
    pub(super) requirer: End<'a>,
}

impl Named {
    pub(super) fn read(text: &str) -> Result<Self, Refusal> {
        let (application, endpoint) = match text.split_once(':') {
            Some((application, endpoint)) => (application, Some(endpoint)),
            None => (text, None),
        };
        let invalid = || Refusal::invalid(format!("invalid endpoint {text:?}"));
        Ok(Self {
            application: application.parse().map_err(|_| invalid())?,
            endpoint: endpoint
                .map(str::parse)
                .transpose()
                .map_err(|_| invalid())?,
        })
    }

    fn fits(&self, application: &ApplicationName, endpoint: &EndpointName) -> bool {
        self.application == *application
            && self.endpoint.as_ref().is_none_or(|name| name == endpoint)
    }

    /// The ends that are meant, the implicit one among them.
    fn ends<'a>(&self, state: &'a ModelState) -> Result<Vec<End<'a>>, Refusal> {
        let name = self.application.as_str();
        let application = state
            .applications()
            .find(|row| row.name == self.application)
            .ok_or_else(|| application_not_found(state, name))?;
        let Some(charm) = state.charm(application.charm) else {
            return Ok(Vec::new());
        };
        let meta = &charm.charm.meta;
        let end = |name: &EndpointName, endpoint: &'a CharmEndpoint, implicit: bool| End {
            application,
            name: name.clone(),
            endpoint,
            subordinate: meta.subordinate,
            implicit,
        };
        let mut ends: Vec<End<'_>> = meta
            .endpoints
            .iter()
            .map(|(name, endpoint)| end(name, endpoint, false))
            .collect();
        let info: Result<EndpointName, _> = "juju-info".parse();
        if let Ok(info) = info
            && !meta.endpoints.contains_key(&info)
        {
            ends.push(end(&info, &JUJU_INFO, true));
        }
        if let Some(wanted) = &self.endpoint {
            ends.retain(|end| end.name == *wanted);
            if ends.is_empty() {
                return Err(Refusal::invalid(format!(
                    "application {name:?} has no {:?} relation",
                    wanted.as_str()
                )));
            }
        }
        Ok(ends)
    }
}

impl Candidate<'_> {
    /// The relation's key, the requirer first.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.requirer.text(), self.provider.text())
    }

    pub(super) fn is_container_scoped(&self) -> bool {
        [&self.provider, &self.requirer]
            .iter()
            .any(|end| end.endpoint.scope == Scope::Container)
    }
}

impl End<'_> {
    pub(super) fn text(&self) -> String {
        format!("{}:{}", self.application.name, self.name)
    }
}

/// The one relation that two names can mean.
pub(super) fn infer<'a>(
    state: &'a ModelState,
    one: &str,
    other: &str,
) -> Result<Candidate<'a>, Refusal> {
    let (first, second) = (Named::read(one)?, Named::read(other)?);
    let (left, right) = (first.ends(state)?, second.ends(state)?);
    let mut candidates: Vec<Candidate<'a>> = Vec::new();
    for a in &left {
        for b in &right {
            candidates.extend(pair(a, b));
        }
    }
    // Only when that leaves one are implicit endpoints left out: an explicit
    // juju-info still is what was asked for.
    if candidates.len() > 1 {
        let explicit = |candidate: &Candidate<'_>| !candidate.provider.implicit;
        if candidates.iter().filter(|one| explicit(one)).count() == 1 {
            candidates.retain(explicit);
        }
    }
    match candidates.len() {
        0 => Err(Refusal::invalid("no relations found")),
        1 => candidates
            .pop()
            .ok_or_else(|| Refusal::invalid("no relations found")),
        _ => {
            let mut keys: Vec<String> = candidates
                .iter()
                .map(|candidate| format!("{:?}", candidate.key()))
                .collect();
            keys.sort();
            Err(Refusal::invalid(format!(
                "ambiguous relation: {:?} could refer to {}",
                format!("{one} {other}"),
                keys.join("; ")
            )))
        }
    }
}

/// Whether two ends can be joined; the provider first.
fn pair<'a>(a: &End<'a>, b: &End<'a>) -> Option<Candidate<'a>> {
    let (provider, requirer) = match (a.endpoint.role, b.endpoint.role) {
        (EndpointRole::Provider, EndpointRole::Requirer) => (a, b),
        (EndpointRole::Requirer, EndpointRole::Provider) => (b, a),
        _ => return None,
    };
    let candidate = Candidate {
        provider: provider.clone(),
        requirer: requirer.clone(),
    };
    let apart = a.application.id != b.application.id;
    let fits = provider.endpoint.interface == requirer.endpoint.interface;
    let beside = !candidate.is_container_scoped() || provider.subordinate || requirer.subordinate;
    (apart && fits && beside).then_some(candidate)
}

/// The one relation that there is between two names.
pub(crate) fn find_relation<'a>(
    state: &'a ModelState,
    one: &str,
    other: &str,
) -> Result<&'a Relation, Refusal> {
    let named = [Named::read(one)?, Named::read(other)?];
    for name in &named {
        name.ends(state)?;
    }
    let found: Vec<&Relation> = state
        .relations()
        .filter(|relation| joins(state, relation, &named))
        .collect();
    match found[..] {
        [relation] => Ok(relation),
        [] => Err(Refusal::not_found("relation", &format!("{one} {other}"))),
        _ => {
            let mut keys: Vec<String> = found
                .iter()
                .filter_map(|relation| relation_key(state, relation))
                .map(|key| format!("{:?}", key.to_string()))
                .collect();
            keys.sort();
            Err(Refusal::invalid(format!(
                "ambiguous relation: {:?} could refer to {}",
                format!("{one} {other}"),
                keys.join("; ")
            )))
        }
    }
}

fn joins(state: &ModelState, relation: &Relation, [one, other]: &[Named; 2]) -> bool {
    let [first, second] = &relation.endpoints[..] else {
        return false;
    };
    let fits = |named: &Named, end: &lazuli_model::state::Endpoint| {
        let application = state.application(end.application);
        application.is_some_and(|row| named.fits(&row.name, &end.name))
    };
    (fits(one, first) && fits(other, second)) || (fits(one, second) && fits(other, first))
}
