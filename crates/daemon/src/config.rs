//! The daemon's configuration: a TOML file, and `LAZULID_*` variables over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

/// Everything that `lazulid serve` has to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the API listens. Outside loopback it speaks TLS only.
    #[serde(default = "default_listen")]
    pub(crate) listen: SocketAddr,
    /// Where Postgres is, such as `postgres://lazuli@db/lazuli`.
    pub(crate) database_url: String,
    /// Connections to Postgres, at most.
    #[serde(default = "default_connections")]
    pub(crate) database_connections: u32,
    /// A file with the key that wraps all other keys: 32 bytes, in hex.
    pub(crate) key_file: PathBuf,
    /// A directory of this replica: its instance id, under a lock.
    pub(crate) state_dir: PathBuf,
    /// The controller's name, as clients show it.
    #[serde(default = "default_name")]
    pub(crate) name: String,
    /// The addresses from which each model's network takes a range.
    #[serde(default = "default_pool")]
    pub(crate) model_address_pool: String,
    /// The cloud.
    pub(crate) cloud: Cloud,
    /// SSH to machines.
    #[serde(default)]
    pub(crate) ssh: Ssh,
}

/// The cloud that models are made on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cloud {
    /// Its name, as clients show it.
    #[serde(default = "default_cloud")]
    pub(crate) name: String,
    /// The region of models that name none.
    #[serde(default = "default_region")]
    pub(crate) region: String,
    /// The subscription.
    pub(crate) subscription: String,
    /// The tenant.
    pub(crate) tenant: String,
    /// The client (application) that logs in.
    pub(crate) client_id: String,
    /// A file with its secret.
    pub(crate) client_secret_file: PathBuf,
    /// Resource Manager; Azure's public one by default.
    #[serde(default = "default_arm")]
    pub(crate) arm: String,
    /// The authority that issues tokens; Azure's public one by default.
    #[serde(default = "default_authority")]
    pub(crate) authority: String,
    /// The retail price list; Azure's public one by default.
    #[serde(default)]
    pub(crate) prices: Option<String>,
    /// A CA to trust beside the public ones.
    #[serde(default)]
    pub(crate) ca_file: Option<PathBuf>,
}

/// SSH to machines.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ssh {
    /// The network namespace in which connections are opened; this one by
    /// default.
    #[serde(default)]
    pub(crate) netns: Option<PathBuf>,
    /// Seconds after which an idle connection is closed.
    #[serde(default = "default_idle")]
    pub(crate) idle_seconds: u64,
    /// Connections, at most.
    #[serde(default = "default_max")]
    pub(crate) max: usize,
}

impl Default for Ssh {
    fn default() -> Self {
        Self {
            netns: None,
            idle_seconds: default_idle(),
            max: default_max(),
        }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 17070))
}

fn default_connections() -> u32 {
    16
}

fn default_name() -> String {
    "lazuli".to_owned()
}

fn default_pool() -> String {
    "10.64.0.0/10".to_owned()
}

fn default_cloud() -> String {
    "azure".to_owned()
}

fn default_region() -> String {
    "westeurope".to_owned()
}

fn default_arm() -> String {
    "https://management.azure.com".to_owned()
}

fn default_authority() -> String {
    "https://login.microsoftonline.com".to_owned()
}

fn default_idle() -> u64 {
    60
}

fn default_max() -> usize {
    4096
}

impl Config {
    /// Reads the file, then the environment over it (`LAZULID_LISTEN`,
    /// `LAZULID_CLOUD__REGION`, ...), and checks what can be checked without
    /// connecting.
    ///
    /// # Errors
    /// When something is missing, unknown or makes no sense; the text names
    /// the key and where it came from.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("failed to read {}", path.display()))?;
        let config: Self = Figment::new()
            .merge(Toml::string(&text))
            .merge(Env::prefixed("LAZULID_").split("__"))
            .extract()
            .with_context(|| format!("failed to understand {}", path.display()))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        if !self.listen.ip().is_loopback() {
            bail!(
                "listen = {}: only loopback addresses are served without TLS; put a TLS proxy in front, or use 127.0.0.1",
                self.listen
            );
        }
        for file in [&self.key_file, &self.cloud.client_secret_file] {
            if !file.exists() {
                bail!("{} does not exist; see `lazulid init`", file.display());
            }
        }
        Ok(())
    }
}
