//! `status` as tables (Juju, `cmd/juju/status/output_tabular.go`).

use lazuli_api::RelationInfo;
use lazuli_model::document::status::{Model, Status, StatusInfo};

use super::order::sorted;
use super::relations;
use super::status_rows::{application_row, machine_rows, unit_rows};
use super::table::Table;

/// The sections of a status, with a blank line between them. `relations` are
/// shown when they are given.
pub(crate) fn tabular(status: &Status, relations: Option<&[RelationInfo]>) -> String {
    let mut sections = vec![model(status)];
    sections.extend(saas(status));
    sections.extend(applications(status));
    sections.extend(units(status));
    sections.extend(machines(status));
    sections.extend(offers(status));
    sections.extend(relations.and_then(relations::table));
    sections.join("\n")
}

/// The machines' section.
pub(crate) fn machines(status: &Status) -> Option<String> {
    machines_table(sorted(&status.machines))
}

/// Machines as a table; none when there are none.
pub(crate) fn machines_table(
    machines: Vec<(&str, &lazuli_model::document::status::Machine)>,
) -> Option<String> {
    let mut table = Table::new(&[
        "Machine", "State", "Address", "Inst id", "Base", "AZ", "Message",
    ]);
    for (name, machine) in machines {
        for row in machine_rows(name, machine) {
            table.row(row);
        }
    }
    (!table.is_empty()).then(|| table.text())
}

fn model(status: &Status) -> String {
    let Model {
        name,
        controller,
        cloud,
        region,
        version,
        ..
    } = &status.model;
    let place = match region.as_str() {
        "" => cloud.clone(),
        region => format!("{cloud}/{region}"),
    };
    let mut titles = vec!["Model", "Controller", "Cloud/Region", "Version"];
    let mut cells = vec![name.clone(), controller.clone(), place, version.clone()];
    let timestamp = status.controller.as_ref().map(|one| one.timestamp.clone());
    let notes = notes(&status.model.model_status);
    for (title, cell) in [
        ("Timestamp", timestamp.unwrap_or_default()),
        ("Notes", notes),
    ] {
        if !cell.is_empty() {
            titles.push(title);
            cells.push(cell);
        }
    }
    let mut table = Table::new(&titles);
    table.row(cells);
    table.text()
}

fn notes(status: &StatusInfo) -> String {
    match (status.message.as_str(), status.current.as_str()) {
        ("", "available" | "") => String::new(),
        ("", word) => word.to_owned(),
        (message, _) => message.to_owned(),
    }
}

fn saas(status: &Status) -> Option<String> {
    let mut table = Table::new(&["SAAS", "Status", "Store", "URL"]);
    for (name, remote) in sorted(&status.application_endpoints) {
        let (store, url) = match remote.url.split_once(':') {
            Some((store, url)) => (store, url),
            None => ("local", remote.url.as_str()),
        };
        table.row([
            name.to_owned(),
            remote.application_status.current.clone(),
            store.to_owned(),
            url.to_owned(),
        ]);
    }
    (!table.is_empty()).then(|| table.text())
}

fn applications(status: &Status) -> Option<String> {
    let mut table = Table::new(&[
        "App", "Version", "Status", "Scale", "Charm", "Channel", "Rev", "Exposed", "Message",
    ])
    .right(3)
    .right(6);
    for (name, application) in sorted(&status.applications) {
        table.row(application_row(status, name, application));
    }
    (!table.is_empty()).then(|| table.text())
}

fn units(status: &Status) -> Option<String> {
    let mut table = Table::new(&[
        "Unit",
        "Workload",
        "Agent",
        "Machine",
        "Public address",
        "Ports",
        "Message",
    ]);
    for (_, application) in sorted(&status.applications) {
        for (name, unit) in sorted(&application.units) {
            for row in unit_rows(name, unit, 0) {
                table.row(row);
            }
        }
    }
    (!table.is_empty()).then(|| table.text())
}

fn offers(status: &Status) -> Option<String> {
    let mut table = Table::new(&[
        "Offer",
        "Application",
        "Charm",
        "Rev",
        "Connected",
        "Endpoint",
        "Interface",
        "Role",
    ]);
    for (name, offer) in sorted(&status.offers) {
        let application = status.applications.get(&offer.application);
        let charm = application.map_or_else(
            || offer.charm.clone(),
            |application| application.charm_name.clone(),
        );
        let revision = application.map(|application| application.charm_rev.to_string());
        for (row, (endpoint, remote)) in sorted(&offer.endpoints).into_iter().enumerate() {
            let first = match row {
                0 => [
                    name.to_owned(),
                    offer.application.clone(),
                    charm.clone(),
                    revision.clone().unwrap_or_default(),
                    format!(
                        "{}/{}",
                        offer.active_connected_count, offer.total_connected_count
                    ),
                ],
                _ => [const { String::new() }; 5],
            };
            let rest = [
                endpoint.to_owned(),
                remote.interface.clone(),
                remote.role.clone(),
            ];
            table.row(first.into_iter().chain(rest));
        }
    }
    (!table.is_empty()).then(|| table.text())
}

#[cfg(test)]
#[path = "status_tests.rs"]
pub(crate) mod tests;
