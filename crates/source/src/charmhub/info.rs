//! All of one charm.

use super::answers;
use super::find::{found, platforms};
use crate::channel::Channel;
use crate::store::{CharmDetails, Download, Release, ResourceRelease};

/// What is asked of the charm.
pub(super) const FIELDS: &str = "default-release.revision.config-yaml,\
    default-release.revision.metadata-yaml,default-release.revision.bases,\
    default-release.revision.version,result.categories,result.description,\
    result.publisher.display-name,result.store-url,result.summary,\
    channel-map.channel.name,channel-map.channel.track,channel-map.channel.risk,\
    channel-map.channel.released-at,channel-map.channel.base,channel-map.revision.bases,\
    channel-map.revision.download,channel-map.revision.revision,channel-map.revision.version,\
    channel-map.resources";

/// What there is of the charm.
pub(super) fn details(answer: answers::Info) -> CharmDetails {
    let releases = answer.channel_map.into_iter().filter_map(release).collect();
    let about = &answer.entry.result;
    let revision = &answer.entry.default_release.revision;
    CharmDetails {
        description: about.description.clone(),
        url: about.store_url.clone(),
        tags: about
            .categories
            .iter()
            .map(|one| one.name.clone())
            .collect(),
        metadata: revision.metadata_yaml.clone(),
        config: revision.config_yaml.clone(),
        releases,
        found: found(answer.entry),
    }
}

/// A release; none of a channel that makes no sense.
fn release(one: answers::InChannel) -> Option<Release> {
    let channel: Channel = match one.channel.track.is_empty() {
        true => one.channel.name.parse().ok()?,
        false => {
            let whole = format!("{}/{}", one.channel.track, one.channel.risk);
            let mut channel: Channel = whole.parse().ok()?;
            let named: Option<Channel> = one.channel.name.parse().ok();
            channel.branch = named.and_then(|named| named.branch);
            channel
        }
    };
    let own = one.revision.bases.iter().flatten();
    let (arches, bases) = platforms(own.chain([&one.channel.base]));
    Some(Release {
        channel,
        released_at: one.channel.released_at,
        revision: one.revision.revision,
        version: one.revision.version,
        size: one.revision.download.size,
        arches,
        bases,
        resources: one.resources.into_iter().map(resource).collect(),
    })
}

/// A resource at a revision.
pub(super) fn resource(one: answers::Resource) -> ResourceRelease {
    ResourceRelease {
        name: one.name,
        kind: one.kind,
        filename: one.filename,
        description: one.description,
        revision: one.revision,
        content: download(one.download),
    }
}

/// Something to download.
pub(super) fn download(one: answers::Download) -> Download {
    Download {
        url: one.url,
        sha256: one.sha256,
        size: one.size,
    }
}
