//! The settings that hooks see.

use std::collections::BTreeMap;

use lazuli_model::charm::Charm;
use lazuli_model::config::{ConfigValue, settings_hash};
use lazuli_model::state::{Application, ModelState, Unit};

use crate::network::address_level;

/// Every option with its value: the user's, else the charm's default, else
/// null.
#[must_use]
pub fn effective_config(
    application: &Application,
    charm: &Charm,
) -> BTreeMap<String, serde_json::Value> {
    let effective = charm.config.effective(&application.config);
    charm
        .config
        .options
        .keys()
        .map(|name| {
            let value = effective
                .get(name)
                .map_or(serde_json::Value::Null, ConfigValue::to_json);
            (name.clone(), value)
        })
        .collect()
}

/// What config-changed depends on: settings, trust, and the machine's
/// addresses (Juju, `uniter/remotestate`).
pub(crate) fn config_level(
    state: &ModelState,
    unit: &Unit,
    application: &Application,
) -> Option<String> {
    let charm = state.charm(application.charm)?;
    let settings = charm.charm.config.effective(&application.config);
    let addresses = address_level(state, application, state.machine_state(unit.machine));
    Some(format!(
        "{}:{}:{addresses}",
        settings_hash(&settings),
        application.trust
    ))
}
