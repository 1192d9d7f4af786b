//! The settings that hooks see.

use std::collections::BTreeMap;

use lazuli_model::charm::Charm;
use lazuli_model::config::{ConfigValue, settings_hash};
use lazuli_model::state::{Application, MachineState, ModelState, Settings, Unit};

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

/// What a unit's bags in relations say of its address.
pub(crate) fn address_settings(address: Option<std::net::IpAddr>) -> Settings {
    let address = address.map(|address| address.to_string());
    let address = address.unwrap_or_default();
    Settings::from([
        ("egress-subnets".to_owned(), format!("{address}/32")),
        ("ingress-address".to_owned(), address.clone()),
        ("private-address".to_owned(), address),
    ])
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
    let addresses = state
        .machine_state(unit.machine)
        .map(|known: &MachineState| (known.address, known.public_address));
    let addresses = addresses.map_or(String::new(), |(private, public)| {
        let text = |address: Option<std::net::IpAddr>| {
            address
                .map(|address| address.to_string())
                .unwrap_or_default()
        };
        format!("{},{}", text(private), text(public))
    });
    Some(format!(
        "{}:{}:{addresses}",
        settings_hash(&settings),
        application.trust
    ))
}
