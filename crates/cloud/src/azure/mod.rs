//! Azure, through Resource Manager.
//!
//! Transport and credentials are `azure_core`'s and `azure_identity`'s; bodies
//! of virtual machines are the models of `azure_mgmt_compute`. Its client is
//! not used: its poller sends the PUT again and misreads the state.

mod association;
mod bodies;
mod credential;
mod data_disks;
mod error;
mod ids;
mod instance;
mod list;
mod machine;
mod offers;
mod pace;
mod prices;
mod progress;
mod scope;
mod shared;
mod transport;
mod verbs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::Secret;
use azure_core::http::Url;

use crate::{CloudError, CloudSpec};
use credential::Credential;
use error::invalid;
use ids::Ids;
use transport::Arm;

/// How to reach a subscription.
#[derive(Clone, Debug)]
pub struct AzureConfig {
    /// Resource Manager, such as `https://management.azure.com`.
    pub arm: String,
    /// The authority that issues tokens, such as
    /// `https://login.microsoftonline.com`.
    pub authority: String,
    /// The retail price list, such as `https://prices.azure.com`.
    pub prices: String,
    /// The tenant.
    pub tenant: String,
    /// The subscription.
    pub subscription: String,
    /// The client (application) that logs in.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// A CA to trust beside the public ones, in PEM.
    pub ca: Option<Vec<u8>>,
}

/// A subscription of Azure.
#[derive(Debug)]
pub struct Azure {
    arm: Arm,
    ids: Ids,
    prices: Url,
    /// For the price list, which needs no token.
    client: reqwest::Client,
    /// For charms that are trusted.
    spec: CloudSpec,
}

/// ARM's audience, whatever its endpoint.
const SCOPE: &str = "https://management.azure.com/.default";
/// ARM gives up on a resource provider after 60 s; a little later it cannot
/// answer any more.
const TIMEOUT: Duration = Duration::from_secs(75);

impl Azure {
    /// Prepares a client; nothing is sent.
    ///
    /// # Errors
    /// When a url, the CA or the credential cannot be used.
    pub fn new(config: &AzureConfig) -> Result<Self, CloudError> {
        let what = "prepare the connection to Azure";
        let mut builder = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = &config.ca {
            let ca = reqwest::Certificate::from_pem(pem)
                .map_err(|error| invalid(what, format!("the CA: {error}")))?;
            builder = builder.add_root_certificate(ca);
        }
        let client = builder
            .build()
            .map_err(|error| invalid(what, error.to_string()))?;
        let credential = Credential::new(config, client.clone())
            .map_err(|error| invalid(what, error.to_string()))?;
        let url = |text: &str| {
            Url::parse(text).map_err(|error| invalid(what, format!("{text}: {error}")))
        };
        Ok(Self {
            arm: Arm::new(
                url(&config.arm)?,
                SCOPE.to_owned(),
                Arc::new(credential),
                client.clone(),
            ),
            ids: Ids::new(&config.subscription),
            prices: url(&config.prices)?,
            client,
            spec: CloudSpec {
                kind: "azure".to_owned(),
                endpoint: config.arm.clone(),
                identity_endpoint: config.authority.clone(),
                storage_endpoint: String::new(),
                auth_type: "service-principal-secret".to_owned(),
                attributes: BTreeMap::from([
                    ("application-id".to_owned(), config.client_id.clone()),
                    (
                        "application-password".to_owned(),
                        config.client_secret.secret().to_owned(),
                    ),
                    ("subscription-id".to_owned(), config.subscription.clone()),
                ]),
            },
        })
    }
}
