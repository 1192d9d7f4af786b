//! Which revision fits: the store is asked to "install" it.

use lazuli_model::base::Base;
use reqwest::Method;
use serde_json::{Value, json};

use super::Charmhub;
use super::answers::{self, Failure, Outcome, Refresh};
use super::find::{base, platforms};
use super::info::{download, resource};
use crate::channel::Channel;
use crate::error::SourceError;
use crate::store::{Resolved, Wanted};

/// What a charm is chosen for unless it is said.
const ARCH: &str = "amd64";
/// What the store calls a base that is not said.
const ANY: &str = "NA";

/// Asks for the revision that fits. Without a base the store answers with the
/// bases there are, and the newest that machines can run is asked for.
pub(super) async fn resolve(hub: &Charmhub, wanted: &Wanted) -> Result<Resolved, SourceError> {
    let first = ask(hub, wanted, wanted.base.as_ref()).await?;
    let (outcome, base) = match &first.error {
        Some(failure) if wanted.base.is_none() => {
            let Some(instead) = instead(wanted, failure) else {
                return Err(refused(hub, wanted, failure));
            };
            (ask(hub, wanted, Some(&instead)).await?, Some(instead))
        }
        _ => (first, wanted.base.clone()),
    };
    if let Some(failure) = &outcome.error {
        return Err(refused(hub, wanted, failure));
    }
    resolved(hub, wanted, outcome, base)
}

async fn ask(hub: &Charmhub, wanted: &Wanted, base: Option<&Base>) -> Result<Outcome, SourceError> {
    let url = hub.path(&["v2", "charms", "refresh"]);
    let body = request(wanted, base);
    let answer: Refresh = hub.json(Method::POST, url, Some(&body)).await?;
    if let Some(failure) = answer.error_list.into_iter().next()
        && answer.results.is_empty()
    {
        return Err(refused(hub, wanted, &failure));
    }
    let first = answer.results.into_iter().next();
    first.ok_or_else(|| hub.odd("it has no result".to_owned()))
}

/// A revision is asked for as it is; a channel for a platform.
fn request(wanted: &Wanted, base: Option<&Base>) -> Value {
    let mut action = json!({
        "action": "install",
        "instance-key": "install",
        "name": wanted.name,
    });
    match (wanted.revision, &wanted.channel) {
        (Some(revision), None) => action["revision"] = revision.into(),
        (revision, channel) => {
            action["channel"] = channel.clone().unwrap_or_default().to_string().into();
            if let Some(revision) = revision {
                action["revision"] = revision.into();
            }
        }
    }
    if wanted.revision.is_none() {
        let (name, release) = base.map_or((ANY, ANY), |base| (base.os(), base.release()));
        action["base"] = json!({
            "architecture": wanted.arch.as_deref().unwrap_or(ARCH),
            "name": name,
            "channel": release,
        });
    } else {
        // With a revision the channel says nothing of what to take.
        action
            .as_object_mut()
            .map(|action| action.remove("channel"));
    }
    if !wanted.resources.is_empty() {
        let revisions = wanted.resources.iter();
        action["resource-revisions"] = revisions
            .map(|(name, revision)| json!({ "name": name, "revision": revision }))
            .collect();
    }
    json!({
        "context": [],
        "actions": [action],
        "fields": ["bases", "download", "id", "name", "resources", "revision", "type", "version"],
    })
}

/// The newest base that there is instead, and machines can run.
fn instead(wanted: &Wanted, failure: &Failure) -> Option<Base> {
    let arch = wanted.arch.as_deref().unwrap_or(ARCH);
    let channel = wanted.channel.clone().unwrap_or_default();
    let here = failure.extra.releases.iter().filter(|one| {
        let named: Option<Channel> = one.channel.parse().ok();
        named.is_none_or(|named| named == channel)
    });
    let bases = here
        .map(|one| &one.base)
        .chain(&failure.extra.default_bases);
    let usable: Vec<Base> = bases
        .filter(|one| matches!(one.architecture.as_str(), "" | "all") || one.architecture == arch)
        .filter_map(base)
        .filter(Base::is_supported)
        .collect();
    Base::preferred(&usable).cloned()
}

/// Why there is none, with what there is.
fn refused(hub: &Charmhub, wanted: &Wanted, failure: &Failure) -> SourceError {
    let name = &wanted.name;
    let what = match (wanted.revision, &wanted.channel) {
        (Some(revision), _) => format!("revision {revision} of charm {name:?}"),
        (None, channel) => format!("charm {name:?} in {}", channel.clone().unwrap_or_default()),
    };
    match failure.code.as_str() {
        "name-not-found" | "id-not-found" => {
            SourceError::NotFound(format!("charm or bundle {name:?} not found"))
        }
        "revision-not-found"
        | "invalid-charm-platform"
        | "invalid-charm-base"
        | "resource-not-found" => {
            let base = wanted.base.as_ref();
            let place = base.map_or_else(String::new, |base| format!(" for {base}"));
            let releases = &failure.extra.releases;
            let mut there: Vec<String> = releases.iter().map(release).collect();
            there.dedup();
            let rest = match there.is_empty() {
                true => format!(": {}", failure.message),
                false => format!("; available releases are: {}", there.join(", ")),
            };
            SourceError::NotFound(format!("there is no {what}{place}{rest}"))
        }
        _ => hub.refusal(failure.message.clone()),
    }
}

fn release(one: &answers::Instead) -> String {
    let base = &one.base;
    match base.name.is_empty() || base.name == ANY {
        true => one.channel.clone(),
        false => format!("{} on {}@{}", one.channel, base.name, base.channel),
    }
}

fn resolved(
    hub: &Charmhub,
    wanted: &Wanted,
    outcome: Outcome,
    chosen: Option<Base>,
) -> Result<Resolved, SourceError> {
    let charm = outcome.charm;
    if charm.name != wanted.name {
        return Err(hub.odd(format!(
            "it is of {:?}, not of {:?}",
            charm.name, wanted.name
        )));
    }
    let (arches, bases) = platforms(charm.bases.iter().flatten());
    let channel = match outcome.effective_channel.parse() {
        Ok(channel) => channel,
        Err(_) => wanted.channel.clone().unwrap_or_default(),
    };
    let arch = wanted.arch.clone().unwrap_or_else(|| ARCH.to_owned());
    let fits = |arch: &String| arches.is_empty() || arches.contains(arch);
    Ok(Resolved {
        name: charm.name,
        kind: charm.kind,
        revision: charm.revision,
        channel,
        base: chosen.or_else(|| Base::preferred(&bases).cloned()),
        arch: match fits(&arch) || arches.contains(&"all".to_owned()) {
            true => arch,
            false => arches[0].clone(),
        },
        archive: download(charm.download),
        resources: charm.resources.into_iter().map(resource).collect(),
    })
}
