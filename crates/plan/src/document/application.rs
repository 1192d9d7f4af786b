//! `show-application` and `config`.

use std::collections::BTreeMap;

use lazuli_model::config::ConfigValue;
use lazuli_model::document::application::{ApplicationConfig, ConfigSetting, ShowApplication};
use lazuli_model::state::{Application, ExposeRule, ModelState};

use super::status::{channel, endpoint_bindings};

/// `show-application`.
#[must_use]
pub fn show_application(state: &ModelState, row: &Application) -> ShowApplication {
    let charm = state.charm(row.charm);
    ShowApplication {
        charm: charm.map_or_else(String::new, |charm| charm.name.clone()),
        base: row.base.to_string(),
        channel: channel(state, row),
        constraints: row.constraints.clone(),
        principal: charm.is_none_or(|charm| !charm.charm.meta.subordinate),
        exposed: row.exposed.is_some(),
        exposed_endpoints: row.exposed.iter().flatten().map(shown).collect(),
        remote: false,
        life: row.life.as_str().to_owned(),
        endpoint_bindings: endpoint_bindings(state, row),
    }
}

/// A rule as Juju shows it: everybody has CIDRs too.
fn shown((endpoint, rule): (&String, &ExposeRule)) -> (String, ExposeRule) {
    let mut rule = rule.clone();
    if rule.cidrs.is_empty() && rule.spaces.is_empty() {
        rule.cidrs = ["0.0.0.0/0", "::/0"].map(str::to_owned).to_vec();
    }
    (endpoint.clone(), rule)
}

/// `config APP`.
#[must_use]
pub fn application_config(state: &ModelState, row: &Application) -> ApplicationConfig {
    let charm = state.charm(row.charm);
    let options = charm.map(|charm| &charm.charm.config.options);
    let settings = options.into_iter().flatten().map(|(name, option)| {
        let set = row
            .config
            .get(name)
            .filter(|value| value.kind() == option.kind);
        let source = match (set, &option.default) {
            (Some(_), _) => "user",
            (None, Some(_)) => "default",
            (None, None) => "unset",
        };
        let setting = ConfigSetting {
            default: option.default.as_ref().map(ConfigValue::to_json),
            description: option.description.clone(),
            source: source.to_owned(),
            kind: option.kind.as_str().to_owned(),
            value: set.or(option.default.as_ref()).map(ConfigValue::to_json),
        };
        (name.clone(), setting)
    });
    ApplicationConfig {
        application: row.name.to_string(),
        application_config: BTreeMap::from([("trust".to_owned(), trust(row))]),
        charm: charm.map_or_else(String::new, |charm| charm.name.clone()),
        settings: settings.collect(),
    }
}

/// What Juju says of `trust`.
fn trust(row: &Application) -> ConfigSetting {
    ConfigSetting {
        default: Some(false.into()),
        description: "Does this application have access to trusted credentials".to_owned(),
        source: if row.trust { "user" } else { "default" }.to_owned(),
        kind: "bool".to_owned(),
        value: Some(row.trust.into()),
    }
}
