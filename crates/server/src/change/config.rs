//! An application's settings.

use std::collections::BTreeMap;

use lazuli_api::ConfigChange;
use lazuli_model::charm::Charm;
use lazuli_model::config::{Settings, parse_bool};
use lazuli_model::state::Row;
use serde_json::Value;

use super::{Draft, Refusal, application, check_settings};

/// The setting that is Juju's and not the charm's.
const TRUST: &str = "trust";

/// Settings that a request gives.
#[derive(Debug)]
pub(super) struct Given {
    /// The charm's; none resets.
    options: BTreeMap<String, Option<lazuli_model::config::ConfigValue>>,
    /// Whether the application is trusted, if that is said.
    pub(super) trust: Option<bool>,
}

/// Reads settings against what the charm has.
pub(super) fn read(charm: &Charm, values: &BTreeMap<String, Value>) -> Result<Given, Refusal> {
    let mut given = Given {
        options: BTreeMap::new(),
        trust: None,
    };
    for (name, value) in values {
        if name == TRUST {
            given.trust = Some(flag(value)?);
            continue;
        }
        known(charm, name).map_err(|refusal| refusal.at(format!("/config/{name}")))?;
        let parsed = charm.config.parse_document([(name.as_str(), value)]);
        given
            .options
            .extend(parsed.map_err(|error| Refusal::from(error).at(format!("/config/{name}")))?);
    }
    Ok(given)
}

/// Refuses what is no option of the charm.
fn known(charm: &Charm, name: &str) -> Result<(), Refusal> {
    let names = charm.config.options.keys().map(String::as_str);
    match charm.config.option(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(Refusal::from(error).near(name, names)),
    }
}

fn flag(value: &Value) -> Result<bool, Refusal> {
    let flag = match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) => parse_bool(text),
        _ => None,
    };
    flag.ok_or_else(|| Refusal::invalid(format!("option \"trust\" expected bool, got {value}")))
}

impl Given {
    /// Applies them to a user's settings.
    pub(super) fn apply(self, settings: &mut Settings) {
        for (name, value) in self.options {
            match value {
                Some(value) => settings.insert(name, value),
                None => settings.remove(&name),
            };
        }
    }
}

/// The settings that another charm takes over: options that it does not have
/// are dropped, with a notice; a value that it cannot read is refused, unless
/// the request sets the option anew, or forces.
pub(super) fn carry_over(
    draft: &mut Draft<'_>,
    settings: &Settings,
    charm: &Charm,
    request: &lazuli_api::Refresh,
) -> Result<Settings, Refusal> {
    let mut kept = Settings::new();
    for (name, value) in settings {
        if request.config.contains_key(name) {
            continue;
        }
        if charm.config.option(name).is_err() {
            draft.notice(format!(
                "the new charm has no option {name:?}: its value is dropped"
            ));
            continue;
        }
        let json = value.to_json();
        match charm.config.parse_document([(name.as_str(), &json)]) {
            Ok(read) => kept.extend(
                read.into_iter()
                    .filter_map(|(name, value)| Some((name, value?))),
            ),
            Err(error) if request.force => {
                draft.notice(format!("{error}: its value is dropped"));
            }
            Err(error) => {
                return Err(Refusal::conflict(format!(
                    "{error}: set it with --config {name}=VALUE, or reset it before"
                )));
            }
        }
    }
    Ok(kept)
}

/// Sets and resets settings.
pub(crate) fn change_config(
    draft: &mut Draft<'_>,
    name: &str,
    change: &ConfigChange,
) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let charm = draft
        .state
        .charm(row.charm)
        .ok_or_else(|| Refusal::not_found("charm of application", name))?;
    let given = read(&charm.charm, &change.set)?;
    if let Some(trust) = given.trust {
        row.trust = trust;
    }
    for reset in &change.reset {
        if change.set.contains_key(reset) {
            return Err(Refusal::invalid(format!(
                "key {reset:?} cannot be both set and reset in the same command"
            )));
        }
        if reset == TRUST {
            row.trust = false;
            continue;
        }
        known(&charm.charm, reset)?;
        row.config.remove(reset);
    }
    given.apply(&mut row.config);
    check_settings(draft, &row)?;
    draft.put(Row::Application(row));
    Ok(())
}
