//! Charmhub's API, version 2.

mod answers;
mod find;
mod http;
mod info;
mod resolve;

use async_trait::async_trait;
use futures::StreamExt as _;
use reqwest::Method;
use url::Url;

use crate::error::SourceError;
use crate::store::{CharmDetails, CharmStore, Content, Download, Found, Resolved, Wanted};

/// A client of one store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Charmhub {
    http: reqwest::Client,
    base: Url,
}

impl Charmhub {
    /// A client of the store at an address, such as `https://api.charmhub.io`;
    /// connects when it is first asked. Plain http is taken for loopback
    /// only.
    ///
    /// # Errors
    /// When the address is none that can be used.
    pub fn new(base: &str) -> Result<Self, SourceError> {
        let set_up = |reason: String| SourceError::SetUp {
            url: base.to_owned(),
            reason,
        };
        let url: Url = base.parse().map_err(|error| set_up(format!("{error}")))?;
        http::check_scheme(&url).map_err(set_up)?;
        let http = http::client(&url).map_err(|error| set_up(error.to_string()))?;
        Ok(Self { http, base: url })
    }

    /// The same client at another address. An address that a user gave may be
    /// https only, so that nobody asks the server's own services through it.
    ///
    /// # Errors
    /// When the address is none that can be used.
    pub fn at(&self, base: &str) -> Result<Self, SourceError> {
        let set_up = |reason: String| SourceError::SetUp {
            url: base.to_owned(),
            reason,
        };
        let url: Url = base.parse().map_err(|error| set_up(format!("{error}")))?;
        if url == self.base {
            return Ok(self.clone());
        }
        match url.scheme() {
            "https" => Self::new(base),
            scheme => Err(set_up(format!("it is {scheme}: use https"))),
        }
    }

    /// The address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.base
    }
}

#[async_trait]
impl CharmStore for Charmhub {
    async fn find(&self, query: &str) -> Result<Vec<Found>, SourceError> {
        let mut url = self.path(&["v2", "charms", "find"]);
        url.query_pairs_mut()
            .append_pair("q", query)
            .append_pair("fields", find::FIELDS);
        let answer: answers::Find = self.json(Method::GET, url, None).await?;
        Ok(answer.results.into_iter().map(find::found).collect())
    }

    async fn info(&self, name: &str) -> Result<CharmDetails, SourceError> {
        let mut url = self.path(&["v2", "charms", "info", name]);
        url.query_pairs_mut().append_pair("fields", info::FIELDS);
        let answer: answers::Info =
            self.json(Method::GET, url, None)
                .await
                .map_err(|error| match error {
                    SourceError::NotFound(_) => {
                        SourceError::NotFound(format!("charm or bundle {name:?} not found"))
                    }
                    other => other,
                })?;
        Ok(info::details(answer))
    }

    async fn resolve(&self, wanted: &Wanted) -> Result<Resolved, SourceError> {
        resolve::resolve(self, wanted).await
    }

    async fn download(&self, download: &Download, most: u64) -> Result<Content, SourceError> {
        let parts = self.content(download, most).await?;
        Ok(parts.boxed())
    }
}
