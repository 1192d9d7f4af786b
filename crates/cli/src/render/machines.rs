//! `machines` and `show-machine`.

use lazuli_model::document::status::Machines;

use super::order::sorted;
use super::status::machines_table;

/// `machines` for people.
pub(crate) fn tabular(machines: &Machines) -> String {
    machines_table(sorted(&machines.machines)).unwrap_or_default()
}

/// Only these machines; the first name that is none is the error.
pub(crate) fn only(mut machines: Machines, names: &[String]) -> Result<Machines, String> {
    if let Some(missing) = names
        .iter()
        .find(|name| !machines.machines.contains_key(*name))
    {
        return Err(missing.clone());
    }
    if !names.is_empty() {
        machines.machines.retain(|name, _| names.contains(name));
    }
    Ok(machines)
}
