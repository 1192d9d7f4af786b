//! A charm that was found and is in the model now.

use std::collections::BTreeMap;
use std::path::Path;

use lazuli_api::client::ModelClient;
use lazuli_api::{CharmInfo, NamedCharm};

use crate::charm_source;
use crate::error::Result;

/// A charm of the model, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Located {
    /// The charm.
    pub(crate) charm: CharmInfo,
    /// The channel of the store; none for charms that are not the store's.
    pub(crate) channel: Option<String>,
    /// The base that the store chose it for.
    pub(crate) base: Option<String>,
    /// The resources that came with it, by the ids of uploads.
    pub(crate) resources: BTreeMap<String, String>,
    /// What is odd about it.
    pub(crate) notices: Vec<String>,
}

/// Uploads the charm at a path.
pub(crate) async fn upload(client: &ModelClient, path: &Path) -> Result<Located> {
    let added = client.add_charm(charm_source::archive(path)?).await?;
    Ok(Located {
        charm: added.charm,
        channel: None,
        base: None,
        resources: BTreeMap::new(),
        notices: added.notices,
    })
}

/// Has the controller take a charm from its catalogue, or from the store.
pub(crate) async fn named(client: &ModelClient, wanted: &NamedCharm) -> Result<Located> {
    let found = client.add_named_charm(wanted).await?;
    Ok(Located {
        charm: found.added.charm,
        channel: found.channel,
        base: found.base,
        resources: found.resources,
        notices: found.added.notices,
    })
}

impl Located {
    /// What is said once it was found, in Juju's words.
    pub(crate) fn found(&self) -> String {
        let (name, revision) = (&self.charm.name, self.charm.revision);
        match (&self.channel, self.charm.sha256.as_str()) {
            (Some(_), _) => format!("Located charm {name:?} in charm-hub, revision {revision}"),
            (None, "") => format!("Located local charm {name:?}, a new revision"),
            (None, _) => format!("Located local charm {name:?}, revision {revision}"),
        }
    }

    /// What is said once it is deployed.
    pub(crate) fn deploying(&self, application: &str, base: &str) -> String {
        let (name, revision) = (&self.charm.name, self.charm.revision);
        match &self.channel {
            Some(channel) => format!(
                "Deploying {application:?} from charm-hub charm {name:?}, revision {revision} in \
                 channel {channel} on {base}"
            ),
            None => format!(
                "Deploying {application:?} from local charm {name:?}, revision {revision} on {base}"
            ),
        }
    }

    /// What is said once an application was refreshed to it.
    pub(crate) fn added(&self) -> String {
        let (name, revision) = (&self.charm.name, self.charm.revision);
        match &self.channel {
            Some(channel) => format!(
                "Added charm-hub charm {name:?}, revision {revision} in channel {channel}, to the \
                 model"
            ),
            None => format!("Added local charm {name:?}, revision {revision}, to the model"),
        }
    }

    /// What a charm is called that is what it was before.
    pub(crate) fn up_to_date(&self) -> String {
        let name = match &self.channel {
            Some(_) => &self.charm.name,
            None => &self.charm.url,
        };
        format!("charm {name:?}: already up-to-date")
    }
}
