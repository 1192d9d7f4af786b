//! What the charm store says, as the API says it.

use lazuli_api::{StoreCharm, StoreCharmInfo, StoreRelease, StoreResource};
use lazuli_model::base::Base;
use lazuli_source::{CharmDetails, Found, Release, ResourceRelease};

fn bases(bases: &[Base]) -> Vec<String> {
    bases.iter().map(ToString::to_string).collect()
}

/// A charm in short.
pub(super) fn charm(found: &Found) -> StoreCharm {
    StoreCharm {
        kind: found.kind.clone(),
        id: found.id.clone(),
        name: found.name.clone(),
        publisher: found.publisher.clone(),
        summary: found.summary.clone(),
        version: found.version.clone(),
        architectures: found.arches.clone(),
        bases: bases(&found.bases),
    }
}

/// All of a charm.
pub(super) fn info(details: &CharmDetails) -> StoreCharmInfo {
    StoreCharmInfo {
        charm: charm(&details.found),
        description: details.description.clone(),
        url: details.url.clone(),
        tags: details.tags.clone(),
        metadata: details.metadata.clone(),
        config: details.config.clone(),
        releases: details.releases.iter().map(release).collect(),
    }
}

fn release(one: &Release) -> StoreRelease {
    StoreRelease {
        track: one.channel.track.clone(),
        risk: match &one.channel.branch {
            Some(branch) => format!("{}/{branch}", one.channel.risk),
            None => one.channel.risk.clone(),
        },
        released_at: one.released_at.clone(),
        revision: one.revision,
        version: one.version.clone(),
        size: one.size,
        architectures: one.arches.clone(),
        bases: bases(&one.bases),
        resources: one.resources.iter().map(resource).collect(),
    }
}

fn resource(one: &ResourceRelease) -> StoreResource {
    StoreResource {
        name: one.name.clone(),
        kind: one.kind.clone(),
        path: one.filename.clone(),
        description: one.description.clone(),
        revision: one.revision,
        sha256: one.content.sha256.clone(),
        size: one.content.size,
    }
}
