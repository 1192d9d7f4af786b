//! What the charm store has, as Juju prints it.

use lazuli_api::{StoreCharm, StoreCharmInfo, StoreRelease, StoreResource};
use lazuli_model::yaml;
use serde_json::{Map, Value, json};

use super::table::{Table, cut};
use crate::error::{Error, Result};

/// The risks, in Juju's order.
const RISKS: [&str; 4] = ["stable", "candidate", "beta", "edge"];
/// Characters of a summary in a table.
const SUMMARY: usize = 60;

/// The table of `find`.
pub(crate) fn found_table(found: &[StoreCharm]) -> String {
    let mut table = Table::new(&[
        "Name",
        "Bundle",
        "Version",
        "Architectures",
        "Supports",
        "Publisher",
        "Summary",
    ]);
    for charm in found {
        let bundle = match charm.kind.as_str() {
            "bundle" => "Y",
            _ => "-",
        };
        table.row([
            charm.name.clone(),
            bundle.to_owned(),
            charm.version.clone(),
            charm.architectures.join(","),
            charm.bases.join(", "),
            charm.publisher.clone(),
            cut(&charm.summary, SUMMARY),
        ]);
    }
    table.text()
}

/// The document of `find`.
pub(crate) fn found_document(found: &[StoreCharm]) -> Value {
    found
        .iter()
        .map(|charm| Value::Object(short(charm)))
        .collect()
}

fn short(charm: &StoreCharm) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("type".to_owned(), charm.kind.clone().into());
    entry.insert("id".to_owned(), charm.id.clone().into());
    entry.insert("name".to_owned(), charm.name.clone().into());
    entry.insert("publisher".to_owned(), charm.publisher.clone().into());
    entry.insert("summary".to_owned(), charm.summary.clone().into());
    entry.insert("version".to_owned(), charm.version.clone().into());
    if !charm.architectures.is_empty() {
        entry.insert("architectures".to_owned(), json!(charm.architectures));
    }
    if !charm.bases.is_empty() {
        entry.insert("supports".to_owned(), bases(&charm.bases));
    }
    entry
}

/// Bases as Juju's documents have them.
fn bases(bases: &[String]) -> Value {
    let base = |text: &String| {
        let (name, channel) = text.split_once('@').unwrap_or((text, ""));
        json!({ "name": name, "channel": channel })
    };
    bases.iter().map(base).collect()
}

/// Whether a release is in a channel, in any of its short forms.
pub(crate) fn is_in(release: &StoreRelease, channel: &str) -> bool {
    let whole = format!("{}/{}", release.track, release.risk);
    match channel.split_once('/') {
        Some(_) => {
            let risk = channel.split('/').next().unwrap_or_default();
            whole == channel || (RISKS.contains(&risk) && whole == format!("latest/{channel}"))
        }
        None if RISKS.contains(&channel) => whole == format!("latest/{channel}"),
        None => whole == format!("{channel}/stable"),
    }
}

/// A YAML document of the store as a tree; nothing for what is none.
fn tree(name: &str, text: &str) -> Value {
    let parsed = yaml::parse_one(name, text.as_bytes());
    parsed
        .ok()
        .and_then(|node| node.to_json().ok())
        .unwrap_or(Value::Null)
}

/// Endpoints to their interfaces.
fn endpoints(metadata: &Value, role: &str) -> Map<String, Value> {
    let entries = metadata[role].as_object().into_iter().flatten();
    entries
        .map(|(name, value)| {
            let interface = value["interface"].as_str().or_else(|| value.as_str());
            (name.clone(), interface.unwrap_or_default().into())
        })
        .collect()
}

/// The tracks in the order in which they come.
fn tracks(releases: &[StoreRelease]) -> Vec<&str> {
    let mut tracks: Vec<&str> = Vec::new();
    for release in releases {
        if !tracks.contains(&release.track.as_str()) {
            tracks.push(&release.track);
        }
    }
    tracks
}

/// The document of `info`.
pub(crate) fn info_document(info: &StoreCharmInfo, config: bool) -> Value {
    let metadata = tree("metadata.yaml", &info.metadata);
    let mut document = short(&info.charm);
    document.remove("version");
    document.remove("architectures");
    document.insert("description".to_owned(), info.description.clone().into());
    if !info.url.is_empty() {
        document.insert("store-url".to_owned(), info.url.clone().into());
    }
    if !info.tags.is_empty() {
        document.insert("tags".to_owned(), json!(info.tags));
    }
    let mut charm = Map::new();
    let options = tree("config.yaml", &info.config);
    if config && options["options"].is_object() {
        charm.insert(
            "config".to_owned(),
            json!({ "Options": options["options"] }),
        );
    }
    let mut relations = Map::new();
    for role in ["provides", "requires"] {
        let ends = endpoints(&metadata, role);
        if !ends.is_empty() {
            relations.insert(role.to_owned(), Value::Object(ends));
        }
    }
    if !relations.is_empty() {
        charm.insert("relations".to_owned(), Value::Object(relations));
    }
    charm.insert(
        "subordinate".to_owned(),
        (metadata["subordinate"] == true).into(),
    );
    document.insert(info.charm.kind.clone(), Value::Object(charm));
    let mut channels = Map::new();
    for release in &info.releases {
        let track = channels
            .entry(release.track.clone())
            .or_insert_with(|| json!({}));
        if !track[&release.risk].is_array() {
            track[&release.risk] = json!([]);
        }
        if let Some(list) = track[&release.risk].as_array_mut() {
            list.push(json!({
                "track": release.track, "risk": release.risk, "version": release.version,
                "revision": release.revision, "released-at": release.released_at,
                "size": release.size, "architectures": release.architectures,
                "bases": bases(&release.bases),
            }));
        }
    }
    document.insert("channels".to_owned(), Value::Object(channels));
    document.insert("tracks".to_owned(), json!(tracks(&info.releases)));
    Value::Object(document)
}

/// What `info` prints for people.
pub(crate) fn info_text(info: &StoreCharmInfo, config: bool) -> Result<String> {
    let document = info_document(info, config);
    let mut shown = Vec::new();
    let mut line = |key: &str, value: &Value| {
        if !value.is_null() && *value != "" {
            shown.push((key.to_owned(), value.clone()));
        }
    };
    for key in ["name", "publisher", "summary", "description", "store-url"] {
        line(key, &document[key]);
    }
    line(&format!("{}-id", info.charm.kind), &document["id"]);
    line("supports", &info.charm.bases.join(", ").into());
    line("tags", &info.tags.join(", ").into());
    let charm = &document[info.charm.kind.as_str()];
    line("subordinate", &charm["subordinate"]);
    line("relations", &charm["relations"]);
    line("config", &charm["config"]["Options"]);
    line("channels", &channels(&info.releases).into());
    let mut text = String::new();
    for (key, value) in shown {
        let one = yaml::write(&json!({ key: value }));
        text.push_str(&one.map_err(|error| Error::Internal(error.to_string()))?);
    }
    Ok(text)
}

/// A line per channel; an arrow where the one above is what counts.
fn channels(releases: &[StoreRelease]) -> String {
    let mut table = Table::default().right(1);
    for track in tracks(releases) {
        let mut above = false;
        let of_track = releases.iter().filter(|one| one.track == track);
        let branches = of_track
            .map(|one| one.risk.as_str())
            .filter(|risk| risk.contains('/'));
        let mut branches: Vec<&str> = branches.collect();
        branches.dedup();
        for risk in RISKS.into_iter().chain(branches) {
            let mut own = releases
                .iter()
                .filter(|one| one.track == track && one.risk == risk)
                .peekable();
            let mut name = format!("{track}/{risk}:");
            if own.peek().is_none() {
                let sign = if above { "↑" } else { "–" };
                table.row([name, sign.to_owned()]);
                continue;
            }
            above = true;
            for one in own {
                let day = one.released_at.get(..10).unwrap_or(&one.released_at);
                table.row([
                    std::mem::take(&mut name),
                    one.version.clone(),
                    day.to_owned(),
                    format!("({})", one.revision),
                    size(one.size),
                    one.architectures.join(", "),
                    one.bases.join(", "),
                ]);
            }
        }
    }
    let lines = table.text();
    let lines: Vec<&str> = lines.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// Bytes as people say them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes}B"),
        1_000..1_000_000 => format!("{}kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}MB", bytes / 1_000_000),
        _ => format!("{}GB", bytes / 1_000_000_000),
    }
}

/// The table of `charm-resources`.
pub(crate) fn resources_table(resources: &[StoreResource]) -> String {
    if resources.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["Resource", "Revision"]);
    for resource in resources {
        table.row([resource.name.clone(), resource.revision.to_string()]);
    }
    table.text()
}

/// The document of `charm-resources`.
pub(crate) fn resources_document(resources: &[StoreResource]) -> Value {
    let document = |one: &StoreResource| {
        json!({
            "name": one.name, "type": one.kind, "path": one.path,
            "description": one.description, "revision": one.revision,
            "fingerprint": one.sha256, "size": one.size, "origin": "store",
        })
    };
    resources.iter().map(document).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> StoreCharmInfo {
        let release = |risk: &str, revision: u32| StoreRelease {
            track: "latest".to_owned(),
            risk: risk.to_owned(),
            released_at: "2026-01-02T03:04:05+00:00".to_owned(),
            revision,
            version: revision.to_string(),
            size: 15_000_000,
            architectures: vec!["amd64".to_owned()],
            bases: vec!["ubuntu@24.04".to_owned()],
            resources: Vec::new(),
        };
        StoreCharmInfo {
            charm: StoreCharm {
                kind: "charm".to_owned(),
                id: "abc".to_owned(),
                name: "web".to_owned(),
                publisher: "Somebody".to_owned(),
                summary: "serves".to_owned(),
                version: "12".to_owned(),
                architectures: vec!["amd64".to_owned()],
                bases: vec!["ubuntu@24.04".to_owned()],
            },
            description: "Serves\npages.\n".to_owned(),
            url: "https://charmhub.io/web".to_owned(),
            tags: vec!["web".to_owned()],
            metadata: "name: web\nprovides: {site: {interface: http}}\nrequires: {db: pg}\n"
                .to_owned(),
            config: "options: {port: {type: int}}\n".to_owned(),
            releases: vec![release("stable", 12), release("edge", 15)],
        }
    }

    #[test]
    fn a_charm_is_shown_as_juju_shows_it() {
        let text = info_text(&info(), false).unwrap();
        assert_eq!(
            text,
            "name: web\npublisher: Somebody\nsummary: serves\ndescription: |\n  Serves\n  pages.\n\
             store-url: https://charmhub.io/web\ncharm-id: abc\nsupports: ubuntu@24.04\n\
             tags: web\nsubordinate: false\nrelations:\n  provides:\n    site: http\n  \
             requires:\n    db: pg\nchannels: |\n  \
             latest/stable:     12  2026-01-02  (12)  15MB  amd64  ubuntu@24.04\n  \
             latest/candidate:   ↑\n  latest/beta:        ↑\n  \
             latest/edge:       15  2026-01-02  (15)  15MB  amd64  ubuntu@24.04\n"
        );
        let document = info_document(&info(), true);
        assert_eq!(
            document["charm"]["config"]["Options"]["port"]["type"],
            "int"
        );
        assert_eq!(document["channels"]["latest"]["edge"][0]["revision"], 15);
        assert_eq!(
            document["supports"],
            json!([{"name": "ubuntu", "channel": "24.04"}])
        );
        assert_eq!(document["tracks"], json!(["latest"]));
    }

    #[test]
    fn channels_have_short_names() {
        let info = info();
        let (stable, edge) = (&info.releases[0], &info.releases[1]);
        for channel in ["stable", "latest", "latest/stable"] {
            assert!(is_in(stable, channel), "{channel}");
            assert!(!is_in(edge, channel), "{channel}");
        }
        assert!(is_in(edge, "edge"));
        assert!(!is_in(stable, "14"));
    }

    #[test]
    fn searches_are_tables() {
        let text = found_table(&[info().charm]);
        assert_eq!(
            text,
            "Name  Bundle  Version  Architectures  Supports      Publisher  Summary\n\
             web   -       12       amd64          ubuntu@24.04  Somebody   serves\n"
        );
    }
}
