//! `models` and `show-model` in Juju's shapes.

use lazuli_api::ModelInfo;
use lazuli_model::document::JUJU_VERSION;
use serde_json::{Map, Value, json};

use super::order::natural;
use super::table::Table;
use super::times::Clock;

/// A model's entry in both documents.
fn entry(model: &ModelInfo, clock: Clock) -> Map<String, Value> {
    let mut status = Map::new();
    status.insert("current".to_owned(), json!(model.status.current));
    if !model.status.message.is_empty() {
        status.insert("message".to_owned(), json!(model.status.message));
    }
    let since = clock.full(model.status.since);
    status.insert("since".to_owned(), json!(since));
    let entry = json!({
        "name": format!("{}/{}", model.owner, model.name),
        "short-name": model.name,
        "model-uuid": model.uuid,
        "model-type": "iaas",
        "controller-uuid": model.controller_uuid,
        "controller-name": model.controller,
        "is-controller": false,
        "owner": model.owner,
        "cloud": model.cloud,
        "region": model.region,
        "type": "azure",
        "life": model.life,
        "status": status,
        "agent-version": JUJU_VERSION,
    });
    match entry {
        Value::Object(entry) => entry,
        _ => Map::new(),
    }
}

/// `show-model`.
pub(crate) fn show(model: &ModelInfo, clock: Clock) -> Value {
    let mut entry = entry(model, clock);
    let users: Map<String, Value> = model
        .users
        .iter()
        .map(|(name, user)| {
            let mut shown = json!({
                "access": user.access,
                "last-connection": "never connected",
            });
            if !user.display_name.is_empty() {
                shown["display-name"] = json!(user.display_name);
            }
            (name.clone(), shown)
        })
        .collect();
    let machines: Map<String, Value> = model
        .machines
        .iter()
        .map(|(name, machine)| (name.clone(), json!({"cores": machine.cores})))
        .collect();
    if !users.is_empty() {
        entry.insert("users".to_owned(), Value::Object(users));
    }
    if !machines.is_empty() {
        entry.insert("machines".to_owned(), Value::Object(machines));
    }
    let mut out = Map::new();
    out.insert(model.name.clone(), Value::Object(entry));
    Value::Object(out)
}

/// `models` as a document. `current` is `owner/name`.
pub(crate) fn list(models: &[ModelInfo], user: &str, current: Option<&str>, clock: Clock) -> Value {
    let entries: Vec<Value> = models
        .iter()
        .map(|model| {
            let mut entry = entry(model, clock);
            entry.insert("access".to_owned(), json!(model.access));
            entry.insert("last-connection".to_owned(), json!("never connected"));
            Value::Object(entry)
        })
        .collect();
    let mut out = json!({ "models": entries });
    if let Some(current) = current {
        out["current-model"] = json!(short(current, user));
    }
    out
}

/// `models` for people, with ids if they are wanted.
pub(crate) fn tabular(
    controller: &str,
    models: &[ModelInfo],
    user: &str,
    current: Option<&str>,
    ids: bool,
) -> String {
    let mut titles = vec!["Model"];
    titles.extend(ids.then_some("UUID"));
    titles.extend(["Cloud/Region", "Type", "Status"]);
    let numbers = titles.len();
    titles.extend(["Machines", "Cores", "Units", "Access", "Last connection"]);
    let mut table = Table::new(&titles)
        .right(numbers)
        .right(numbers + 1)
        .right(numbers + 2);
    let mut models: Vec<&ModelInfo> = models.iter().collect();
    models.sort_by(|one, other| natural(&one.name, &other.name));
    for model in models {
        let full = format!("{}/{}", model.owner, model.name);
        let mark = if current == Some(&full) { "*" } else { "" };
        let cores: u32 = model.machines.values().map(|machine| machine.cores).sum();
        let counted = |count: u32| match count {
            0 => "-".to_owned(),
            count => count.to_string(),
        };
        let mut row = vec![format!("{}{mark}", short(&full, user))];
        row.extend(ids.then(|| model.uuid.clone()));
        row.extend([
            format!("{}/{}", model.cloud, model.region),
            "azure".to_owned(),
            model.status.current.clone(),
            model.machines.len().to_string(),
            counted(cores),
            counted(model.units),
            model.access.clone(),
            "never connected".to_owned(),
        ]);
        table.row(row);
    }
    let table = match table.is_empty() {
        true => String::new(),
        false => table.text(),
    };
    format!("Controller: {controller}\n\n{table}")
}

/// The name without its owner, if that is the user.
fn short<'a>(full: &'a str, user: &str) -> &'a str {
    match full.split_once('/') {
        Some((owner, name)) if owner == user => name,
        _ => full,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lazuli_api::{ModelMachine, ModelStatusInfo, ModelUser, Written};
    use time::macros::datetime;

    use super::*;

    fn model() -> ModelInfo {
        let at = datetime!(2024-03-05 06:07:08 UTC);
        ModelInfo {
            uuid: "some-uuid".to_owned(),
            name: "m".to_owned(),
            owner: "admin".to_owned(),
            controller: "dev".to_owned(),
            controller_uuid: "controller-uuid".to_owned(),
            cloud: "azure".to_owned(),
            region: "westeurope".to_owned(),
            address_range: "10.64.0.0/18".to_owned(),
            life: "alive".to_owned(),
            status: ModelStatusInfo {
                current: "available".to_owned(),
                message: String::new(),
                since: at,
            },
            access: "admin".to_owned(),
            users: BTreeMap::from([(
                "admin".to_owned(),
                ModelUser {
                    display_name: "Admin".to_owned(),
                    access: "admin".to_owned(),
                },
            )]),
            machines: BTreeMap::from([("0".to_owned(), ModelMachine { cores: 2 })]),
            applications: 1,
            units: 3,
            created_at: at,
            at: Written {
                generation: 1,
                revision: 1,
            },
        }
    }

    #[test]
    fn a_model_has_the_keys_that_clients_need() {
        let shown = show(&model(), Clock::Utc);
        let shown = shown["m"].as_object().unwrap();
        for key in [
            "name",
            "short-name",
            "model-uuid",
            "model-type",
            "controller-uuid",
            "controller-name",
            "is-controller",
            "cloud",
            "life",
        ] {
            assert!(shown.contains_key(key), "{key}");
        }
        assert_eq!(shown["name"], "admin/m");
        assert_eq!(shown["users"]["admin"]["access"], "admin");
        assert_eq!(shown["machines"]["0"]["cores"], 2);
        assert_eq!(shown["status"]["since"], "2024-03-05 06:07:08Z");
    }

    #[test]
    fn the_current_model_has_a_star() {
        assert_eq!(
            tabular("dev", &[model()], "admin", Some("admin/m"), false),
            "Controller: dev\n\n\
             Model  Cloud/Region      Type   Status     Machines  Cores  Units  Access  \
             Last connection\n\
             m*     azure/westeurope  azure  available         1      2      3  admin   \
             never connected\n"
        );
        let ids = tabular("dev", &[model()], "bob", None, true);
        assert!(ids.contains("Model    UUID       Cloud/Region"), "{ids}");
        assert!(
            ids.contains("admin/m  some-uuid  azure/westeurope"),
            "{ids}"
        );
        let list = list(&[model()], "bob", Some("admin/m"), Clock::Utc);
        assert_eq!(list["current-model"], "admin/m");
    }
}
