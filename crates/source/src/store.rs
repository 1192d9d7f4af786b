//! What is asked of a charm store, and what it answers.

use std::collections::BTreeMap;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use lazuli_model::base::Base;

use crate::channel::Channel;
use crate::error::SourceError;

/// A kind of processor, as Juju names it: `amd64`, `arm64`.
pub type Arch = String;

/// The parts of a download, in order.
pub type Content = Pin<Box<dyn Stream<Item = Result<Bytes, SourceError>> + Send>>;

/// A store of charms.
#[async_trait]
pub trait CharmStore: Send + Sync {
    /// Charms that a text is about; all that are featured for an empty one.
    ///
    /// # Errors
    /// When the store cannot be asked.
    async fn find(&self, query: &str) -> Result<Vec<Found>, SourceError>;

    /// What there is of one charm.
    ///
    /// # Errors
    /// When there is no such charm, or the store cannot be asked.
    async fn info(&self, name: &str) -> Result<CharmDetails, SourceError>;

    /// The revision that fits best.
    ///
    /// # Errors
    /// When there is none, or the store cannot be asked.
    async fn resolve(&self, wanted: &Wanted) -> Result<Resolved, SourceError>;

    /// The bytes of a download, `most` at most. Whether they are what was
    /// promised is for the reader to check by the hash.
    ///
    /// # Errors
    /// When it cannot be begun; what breaks off later ends the stream with an
    /// error.
    async fn download(&self, download: &Download, most: u64) -> Result<Content, SourceError>;
}

/// A charm or bundle that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// `charm` or `bundle`.
    pub kind: String,
    /// The store's id.
    pub id: String,
    /// Who publishes it.
    pub publisher: String,
    /// In a line.
    pub summary: String,
    /// The version of its default release.
    pub version: String,
    /// What its default release runs on.
    pub arches: Vec<Arch>,
    /// What its default release runs on.
    pub bases: Vec<Base>,
}

/// What there is of one charm.
#[derive(Clone, Debug, PartialEq)]
pub struct CharmDetails {
    /// Name, publisher and the like.
    pub found: Found,
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
    pub releases: Vec<Release>,
}

/// A revision in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The channel.
    pub channel: Channel,
    /// When, as the store writes it.
    pub released_at: String,
    /// The revision.
    pub revision: u32,
    /// Its version, as its author says.
    pub version: String,
    /// Bytes of the archive.
    pub size: u64,
    /// What it runs on.
    pub arches: Vec<Arch>,
    /// What it runs on.
    pub bases: Vec<Base>,
    /// The resources that go with it.
    pub resources: Vec<ResourceRelease>,
}

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The charm's name.
    pub name: String,
    /// The channel; `latest/stable` when neither it nor a revision is said.
    pub channel: Option<Channel>,
    /// A revision, whatever channel it is in.
    pub revision: Option<u32>,
    /// The base it has to run on; any that machines can run when none.
    pub base: Option<Base>,
    /// The processor it has to run on; `amd64` when none.
    pub arch: Option<Arch>,
    /// Revisions of resources, other than those that go with it.
    pub resources: BTreeMap<String, u32>,
}

/// The revision that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The charm's name.
    pub name: String,
    /// `charm` or `bundle`.
    pub kind: String,
    /// The revision.
    pub revision: u32,
    /// The channel it was taken from.
    pub channel: Channel,
    /// The base it was chosen for.
    pub base: Option<Base>,
    /// The processor it was chosen for.
    pub arch: Arch,
    /// The archive.
    pub archive: Download,
    /// Its resources.
    pub resources: Vec<ResourceRelease>,
}

/// A resource at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceRelease {
    /// Its name.
    pub name: String,
    /// `file` or `oci-image`.
    pub kind: String,
    /// The name of the file as the charm finds it.
    pub filename: String,
    /// What it is for.
    pub description: String,
    /// The revision.
    pub revision: u32,
    /// The content.
    pub content: Download,
}

/// Something to download.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Download {
    /// Where it is.
    pub url: String,
    /// Hex sha-256 of the bytes.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
}
