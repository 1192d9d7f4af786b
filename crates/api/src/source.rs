//! Charms by name: of the controller's catalogue, and of the charm store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::charm::CharmAdded;

/// The query of `GET /v1/charms`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// What to look for; what is featured when empty.
    pub q: String,
}

/// `GET /v1/charms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreCharms {
    /// In the store's order.
    pub charms: Vec<StoreCharm>,
}

/// A charm or bundle of the store, in short.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreCharm {
    /// `charm` or `bundle`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The store's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Who publishes it.
    pub publisher: String,
    /// In a line.
    pub summary: String,
    /// The version of its default release.
    pub version: String,
    /// What its default release runs on.
    pub architectures: Vec<String>,
    /// What its default release runs on, such as `ubuntu@24.04`.
    pub bases: Vec<String>,
}

/// `GET /v1/charms/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreCharmInfo {
    /// In short.
    pub charm: StoreCharm,
    /// In many lines.
    pub description: String,
    /// Its page.
    pub url: String,
    /// Categories.
    pub tags: Vec<String>,
    /// `metadata.yaml` of the default release.
    pub metadata: String,
    /// `config.yaml` of the default release.
    pub config: String,
    /// What is in which channel.
    pub releases: Vec<StoreRelease>,
}

/// A revision in a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreRelease {
    /// The track, such as `latest`.
    pub track: String,
    /// The risk, such as `stable`, with a branch if there is one.
    pub risk: String,
    /// When, in RFC 3339.
    pub released_at: String,
    /// The revision.
    pub revision: u32,
    /// Its version.
    pub version: String,
    /// Bytes of the archive.
    pub size: u64,
    /// What it runs on.
    pub architectures: Vec<String>,
    /// What it runs on.
    pub bases: Vec<String>,
    /// The resources that go with it.
    pub resources: Vec<StoreResource>,
}

/// A resource of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StoreResource {
    /// Its name.
    pub name: String,
    /// `file` or `oci-image`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the file as the charm finds it.
    pub path: String,
    /// What it is for.
    pub description: String,
    /// The revision.
    pub revision: u32,
    /// Hex sha-256 of the content.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}

/// Which revision of a charm is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Choice {
    /// The channel, such as `stable` or `14/edge`; `latest/stable` when
    /// absent.
    pub channel: Option<String>,
    /// A revision, whatever channel it is in.
    pub revision: Option<u32>,
    /// The base it has to run on; any that machines run when absent.
    pub base: Option<String>,
    /// The architecture; `amd64` when absent.
    pub arch: Option<String>,
}

/// Where a charm may be taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum From {
    /// The controller's catalogue if it is there, else the store.
    #[default]
    Anywhere,
    /// The controller's catalogue.
    Catalogue,
    /// The store.
    Store,
}

/// `POST /v1/models/{model}/charms/named`: adds a charm by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NamedCharm {
    /// The charm's name.
    pub name: String,
    /// Where it may be taken from.
    pub from: From,
    /// Which revision of the store's.
    pub choice: Choice,
    /// Revisions of resources, other than those that go with it.
    pub resources: BTreeMap<String, u32>,
    /// Resources that are not to be fetched.
    pub without: Vec<String>,
}

/// The answer to `POST /v1/models/{model}/charms/named`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NamedAdded {
    /// The charm, as the model has it now.
    pub added: CharmAdded,
    /// `local` or `charmhub`.
    pub origin: String,
    /// The channel it was taken from.
    pub channel: Option<String>,
    /// The base it was chosen for.
    pub base: Option<String>,
    /// The resources that came with it, by the ids of uploads.
    pub resources: BTreeMap<String, String>,
}
