//! The documents of the API, as far as they are read. What is missing is
//! empty: the store leaves out what it was not asked for.

use serde::{Deserialize, Deserializer};

/// `null` is nothing, too.
fn nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `/v2/charms/find`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Find {
    pub(super) results: Vec<Entry>,
}

/// A charm of a search.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Entry {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) name: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) result: About,
    #[serde(deserialize_with = "nothing")]
    pub(super) default_release: InChannel,
}

/// `/v2/charms/info/NAME`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Info {
    #[serde(flatten)]
    pub(super) entry: Entry,
    #[serde(deserialize_with = "nothing")]
    pub(super) channel_map: Vec<InChannel>,
}

/// What people are told of a charm.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct About {
    #[serde(deserialize_with = "nothing")]
    pub(super) summary: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) description: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) store_url: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) publisher: Publisher,
    #[serde(deserialize_with = "nothing")]
    pub(super) categories: Vec<Category>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Publisher {
    #[serde(deserialize_with = "nothing")]
    pub(super) display_name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Category {
    pub(super) name: String,
}

/// A revision in a channel.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct InChannel {
    #[serde(deserialize_with = "nothing")]
    pub(super) channel: Where,
    #[serde(deserialize_with = "nothing")]
    pub(super) revision: Revision,
    #[serde(deserialize_with = "nothing")]
    pub(super) resources: Vec<Resource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Where {
    #[serde(deserialize_with = "nothing")]
    pub(super) name: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) track: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) risk: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) released_at: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) base: Base,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Base {
    #[serde(deserialize_with = "nothing")]
    pub(super) architecture: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) name: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) channel: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Revision {
    pub(super) revision: u32,
    #[serde(deserialize_with = "nothing")]
    pub(super) version: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) download: Download,
    #[serde(deserialize_with = "nothing")]
    pub(super) bases: Vec<Option<Base>>,
    #[serde(deserialize_with = "nothing")]
    pub(super) metadata_yaml: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) config_yaml: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Download {
    #[serde(rename = "hash-sha-256", deserialize_with = "nothing")]
    pub(super) sha256: String,
    pub(super) size: u64,
    #[serde(deserialize_with = "nothing")]
    pub(super) url: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Resource {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) filename: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) description: String,
    pub(super) revision: u32,
    #[serde(deserialize_with = "nothing")]
    pub(super) download: Download,
}

/// `/v2/charms/refresh`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Refresh {
    #[serde(deserialize_with = "nothing")]
    pub(super) results: Vec<Outcome>,
    #[serde(deserialize_with = "nothing")]
    pub(super) error_list: Vec<Failure>,
}

/// What became of an action.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Outcome {
    #[serde(deserialize_with = "nothing")]
    pub(super) charm: Entity,
    #[serde(deserialize_with = "nothing")]
    pub(super) effective_channel: String,
    pub(super) error: Option<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Entity {
    #[serde(rename = "type", deserialize_with = "nothing")]
    pub(super) kind: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) name: String,
    pub(super) revision: u32,
    #[serde(deserialize_with = "nothing")]
    pub(super) download: Download,
    #[serde(deserialize_with = "nothing")]
    pub(super) resources: Vec<Resource>,
    #[serde(deserialize_with = "nothing")]
    pub(super) bases: Vec<Option<Base>>,
}

/// What every refusal holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Failures {
    #[serde(deserialize_with = "nothing")]
    pub(super) error_list: Vec<Failure>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Failure {
    #[serde(deserialize_with = "nothing")]
    pub(super) code: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) message: String,
    #[serde(deserialize_with = "nothing")]
    pub(super) extra: Extra,
}

/// What there is instead.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Extra {
    #[serde(deserialize_with = "nothing")]
    pub(super) releases: Vec<Instead>,
    #[serde(deserialize_with = "nothing")]
    pub(super) default_bases: Vec<Base>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Instead {
    #[serde(deserialize_with = "nothing")]
    pub(super) base: Base,
    #[serde(deserialize_with = "nothing")]
    pub(super) channel: String,
}
