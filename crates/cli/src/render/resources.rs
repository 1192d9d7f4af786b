//! Resources of applications and units, as Juju prints them.

use lazuli_api::{ResourceInfo, ResourceList};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::table::Table;

/// What Juju says of a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// The table of an application's resources, or of a unit's.
pub(crate) fn tabular(list: &ResourceList, unit: Option<&str>) -> String {
    if list.resources.is_empty() {
        return String::new();
    }
    let Some(unit) = unit else {
        let mut table = Table::new(&["Resource", "Supplied by", "Revision"]);
        for row in &list.resources {
            table.row([row.name.clone(), origin(row), revision(row)]);
        }
        return table.text();
    };
    let mut table = Table::new(&["Resource", "Revision"]);
    for row in &list.resources {
        table.row([row.name.clone(), of_unit(list, row, unit)]);
    }
    table.text()
}

/// The table of what each unit has, and should have.
pub(crate) fn details(list: &ResourceList, unit: Option<&str>) -> String {
    let mut table = match unit {
        None => Table::new(&["Unit", "Resource", "Revision", "Expected"]),
        Some(_) => Table::new(&["Resource", "Revision", "Expected"]),
    };
    for row in &list.units {
        if unit.is_some_and(|unit| unit != row.unit) {
            continue;
        }
        for resource in &list.resources {
            let has = of_unit(list, resource, &row.unit);
            let cells = [
                row.unit.clone(),
                resource.name.clone(),
                has,
                revision(resource),
            ];
            table.row(cells.into_iter().skip(usize::from(unit.is_some())));
        }
    }
    match table.is_empty() {
        true => String::new(),
        false => table.text(),
    }
}

/// What a unit has of a resource: the revision if it is the application's.
fn of_unit(list: &ResourceList, resource: &ResourceInfo, unit: &str) -> String {
    let row = list.units.iter().find(|row| row.unit == unit);
    match row.and_then(|row| row.fetched.get(&resource.name)) {
        None => "-".to_owned(),
        Some(has) if *has == resource.sha256 => revision(resource),
        Some(_) => "(an older one)".to_owned(),
    }
}

/// Who gave it: the user once a unit has it, as Juju tells.
fn origin(row: &ResourceInfo) -> String {
    match row.origin.as_str() {
        "store" => "charmstore".to_owned(),
        _ if row.used && !row.username.is_empty() => row.username.clone(),
        other => other.to_owned(),
    }
}

/// The store's revision, or the time of the upload.
fn revision(row: &ResourceInfo) -> String {
    let minute = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    match (row.revision, row.at) {
        (Some(revision), _) => revision.to_string(),
        (None, Some(at)) => at.format(minute).unwrap_or_default(),
        (None, None) => "-".to_owned(),
    }
}

/// The document of an application's resources, or of a unit's.
pub(crate) fn document(application: &str, list: &ResourceList, unit: Option<&str>) -> Value {
    let shown = list.resources.iter().filter(|row| match unit {
        None => true,
        Some(unit) => of_unit(list, row, unit) != "-",
    });
    let resources: Vec<Value> = shown.map(|row| entry(application, row)).collect();
    match unit {
        Some(_) => Value::Array(resources),
        None => json!({ "resources": resources, "updates": [] }),
    }
}

fn entry(application: &str, row: &ResourceInfo) -> Value {
    let time = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    let mut entry = Map::new();
    let mut set = |key: &str, value: Value| {
        entry.insert(key.to_owned(), value);
    };
    set("resourceid", format!("{application}/{}", row.name).into());
    set("applicationId", application.into());
    set("name", row.name.clone().into());
    set("type", row.kind.clone().into());
    set("path", row.path.clone().into());
    if !row.description.is_empty() {
        set("description", row.description.clone().into());
    }
    set("revision", row.revision.unwrap_or(0).to_string().into());
    set("fingerprint", row.fingerprint.clone().into());
    set("size", row.size.into());
    set("origin", row.origin.clone().into());
    set("used", row.used.into());
    set(
        "timestamp",
        row.at.map_or_else(|| NEVER.to_owned(), time).into(),
    );
    if !row.username.is_empty() {
        set("username", row.username.clone().into());
    }
    Value::Object(entry)
}

#[cfg(test)]
mod tests {
    use lazuli_api::UnitResource;
    use time::macros::datetime;

    use super::*;

    fn list() -> ResourceList {
        let row = |name: &str, sha256: &str| ResourceInfo {
            name: name.to_owned(),
            kind: "file".to_owned(),
            path: format!("{name}.tar"),
            description: String::new(),
            origin: "upload".to_owned(),
            revision: None,
            sha256: sha256.to_owned(),
            fingerprint: "f".to_owned(),
            size: 3,
            used: !sha256.is_empty(),
            at: (!sha256.is_empty()).then_some(datetime!(2026-01-02 03:04:05 UTC)),
            username: match sha256 {
                "" => String::new(),
                _ => "admin".to_owned(),
            },
        };
        let unit = |unit: &str, has: &str| UnitResource {
            unit: unit.to_owned(),
            fetched: [("site".to_owned(), has.to_owned())].into(),
        };
        ResourceList {
            resources: vec![row("site", "new"), row("theme", "")],
            units: vec![unit("web/0", "new"), unit("web/1", "old")],
        }
    }

    #[test]
    fn tables_are_jujus() {
        assert_eq!(
            tabular(&list(), None),
            "Resource  Supplied by  Revision\n\
             site      admin        2026-01-02T03:04\n\
             theme     upload       -\n"
        );
        assert_eq!(
            tabular(&list(), Some("web/0")),
            "Resource  Revision\nsite      2026-01-02T03:04\ntheme     -\n"
        );
        let text = details(&list(), None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Unit   Resource  Revision          Expected");
        assert_eq!(
            lines[1],
            "web/0  site      2026-01-02T03:04  2026-01-02T03:04"
        );
        assert_eq!(
            lines[3],
            "web/1  site      (an older one)    2026-01-02T03:04"
        );
    }

    #[test]
    fn documents_are_jujus() {
        let document = document("web", &list(), None);
        assert_eq!(document["updates"], json!([]));
        assert_eq!(
            document["resources"][0],
            json!({
                "resourceid": "web/site", "applicationId": "web", "name": "site",
                "type": "file", "path": "site.tar", "revision": "0", "fingerprint": "f",
                "size": 3, "origin": "upload", "used": true,
                "timestamp": "2026-01-02T03:04:05Z", "username": "admin",
            })
        );
        assert_eq!(document["resources"][1]["timestamp"], NEVER);
    }
}
