//! The client's credential, which can be told that its token is not good any
//! more.

use std::sync::{Arc, Mutex, PoisonError};

use azure_core::cloud::CustomConfiguration;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use azure_core::http::{ClientOptions, Transport};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};

use super::AzureConfig;

/// A client's secret. The stock credential keeps a token until shortly before
/// it expires, whatever becomes of it before: here it can be forgotten.
#[derive(Debug)]
pub(super) struct Credential {
    config: AzureConfig,
    client: reqwest::Client,
    current: Mutex<(u64, Arc<ClientSecretCredential>)>,
}

impl Credential {
    pub(super) fn new(config: &AzureConfig, client: reqwest::Client) -> azure_core::Result<Self> {
        Ok(Self {
            current: Mutex::new((0, make(config, &client)?)),
            config: config.clone(),
            client,
        })
    }

    /// Counts how often tokens were forgotten.
    pub(super) fn generation(&self) -> u64 {
        self.lock().0
    }

    /// Has the next request ask for a new token, unless that was done since
    /// `generation`: of many requests that are refused, one token follows.
    pub(super) fn forget(&self, generation: u64) -> azure_core::Result<()> {
        let fresh = make(&self.config, &self.client)?;
        let mut current = self.lock();
        if current.0 == generation {
            *current = (generation + 1, fresh);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (u64, Arc<ClientSecretCredential>)> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(
    config: &AzureConfig,
    client: &reqwest::Client,
) -> azure_core::Result<Arc<ClientSecretCredential>> {
    let mut cloud = CustomConfiguration::default();
    cloud.authority_host.clone_from(&config.authority);
    // Tokens are retried by the stock policy: no class leads anywhere else.
    let options = ClientSecretCredentialOptions {
        client_options: ClientOptions {
            cloud: Some(Arc::new(cloud.into())),
            transport: Some(Transport::new(Arc::new(client.clone()))),
            ..ClientOptions::default()
        },
    };
    ClientSecretCredential::new(
        &config.tenant,
        config.client_id.clone(),
        config.client_secret.clone(),
        Some(options),
    )
}

#[async_trait::async_trait]
impl TokenCredential for Credential {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let current = Arc::clone(&self.lock().1);
        current.get_token(scopes, options).await
    }
}
