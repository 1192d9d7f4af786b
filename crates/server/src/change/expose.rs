//! Who may reach an application from outside.

use std::collections::BTreeMap;
use std::net::IpAddr;

use lazuli_api::Expose;
use lazuli_model::charm::Charm;
use lazuli_model::state::{ExposeRule, Row};

use super::{Draft, Refusal, application, spaces};

/// Sets the rule of each endpoint named; of all when none is.
pub(crate) fn expose(draft: &mut Draft<'_>, name: &str, request: &Expose) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let charm = draft.state.charm(row.charm);
    let mut rules = row.exposed.unwrap_or_default();
    if request.endpoints.is_empty() {
        rules.insert(String::new(), ExposeRule::default());
    }
    for (endpoint, to) in &request.endpoints {
        check_endpoint(charm.map(|charm| &*charm.charm), endpoint)?;
        for cidr in &to.cidrs {
            check_cidr(cidr)?;
        }
        for space in &to.spaces {
            spaces::check(draft.state.model(), space)?;
        }
        let rule = ExposeRule {
            cidrs: to.cidrs.clone(),
            spaces: to.spaces.clone(),
        };
        rules.insert(endpoint.clone(), everybody(rule));
    }
    row.exposed = Some(rules);
    draft.put(Row::Application(row));
    Ok(())
}

/// Both of Juju's words for everybody are the rule without CIDRs.
fn everybody(mut rule: ExposeRule) -> ExposeRule {
    if rule.spaces.is_empty() && rule.cidrs.iter().any(|cidr| cidr == "0.0.0.0/0") {
        rule.cidrs.clear();
    }
    rule
}

/// Takes the rules of endpoints away; all when none is named.
pub(crate) fn unexpose(
    draft: &mut Draft<'_>,
    name: &str,
    endpoints: &[&str],
) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let charm = draft.state.charm(row.charm);
    let mut rules: BTreeMap<String, ExposeRule> = row.exposed.unwrap_or_default();
    if endpoints.is_empty() {
        rules.clear();
    }
    for endpoint in endpoints {
        check_endpoint(charm.map(|charm| &*charm.charm), endpoint)?;
        if rules.remove(*endpoint).is_none() {
            return Err(Refusal::conflict(format!(
                "endpoint {endpoint:?} is not exposed"
            )));
        }
    }
    row.exposed = (!rules.is_empty()).then_some(rules);
    draft.put(Row::Application(row));
    Ok(())
}

fn check_endpoint(charm: Option<&Charm>, endpoint: &str) -> Result<(), Refusal> {
    let known = endpoint.is_empty()
        || charm.is_some_and(|charm| charm.meta.binding_names().any(|name| name == endpoint));
    if known {
        return Ok(());
    }
    let names = charm
        .into_iter()
        .flat_map(|charm| charm.meta.binding_names());
    Err(Refusal::not_found("endpoint", endpoint).near(endpoint, names))
}

/// Go's text for what is no CIDR.
fn check_cidr(text: &str) -> Result<(), Refusal> {
    let good = text.split_once('/').is_some_and(|(address, prefix)| {
        let most = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
        digits && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= most)
    });
    if good && text.contains(':') {
        // One address family per rule, and the model's network has the other.
        return Err(Refusal::invalid(format!(
            "cannot expose to {text}: the model's network is IPv4 only"
        )));
    }
    if good {
        return Ok(());
    }
    let shown: String = text.chars().take(64).collect();
    Err(Refusal::invalid(format!("invalid CIDR address: {shown}")))
}
