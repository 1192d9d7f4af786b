//! The daemon's configuration: a TOML file, and `LAZULID_*` variables over it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::Deserialize;

/// The file that is read when none is named.
pub(crate) const DEFAULT_FILE: &str = "/etc/lazuli/lazulid.toml";
/// What the names of variables begin with.
const PREFIX: &str = "LAZULID_";

/// Everything that `lazulid serve` has to know.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Where the API listens.
    #[serde(default = "default_listen")]
    pub(crate) listen: SocketAddr,
    /// The API's certificate. Without one it listens on loopback only.
    #[serde(default)]
    pub(crate) tls: Option<Tls>,
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
    /// The charm store that charms are deployed from by name.
    #[serde(default = "default_charmhub")]
    pub(crate) charmhub_url: String,
    /// Directories whose charms are deployed by name, before the store's.
    #[serde(default)]
    pub(crate) charm_catalogue: Vec<PathBuf>,
    /// The cloud.
    pub(crate) cloud: Cloud,
    /// SSH to machines.
    #[serde(default)]
    pub(crate) ssh: Ssh,
}

/// The API's certificate.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// A file with the certificate and those that lead to its authority, PEM.
    pub(crate) certificate: PathBuf,
    /// A file with its private key, PEM.
    pub(crate) key: PathBuf,
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

pub(crate) fn default_charmhub() -> String {
    "https://api.charmhub.io".to_owned()
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

/// Refuses to serve others than this machine without a certificate.
///
/// # Errors
/// On an address outside loopback, without a certificate.
pub(crate) fn check_reach(listen: SocketAddr, has_certificate: bool) -> anyhow::Result<()> {
    if !has_certificate && !listen.ip().is_loopback() {
        bail!(
            "listen = {listen}: passwords and tokens would go over the network in the clear; give \
             a certificate (certificate and key below [tls]), or listen on 127.0.0.1 behind a \
             proxy that has one"
        );
    }
    Ok(())
}

impl Config {
    /// Reads a file, then the environment over it (`LAZULID_LISTEN`,
    /// `LAZULID_CLOUD__REGION`, ...), and checks what can be checked without
    /// connecting. Without a file, [`DEFAULT_FILE`] is read if it is there.
    ///
    /// # Errors
    /// When something is missing, unknown or makes no sense; the text names
    /// the key and where it came from.
    pub(crate) fn load(file: Option<&Path>) -> anyhow::Result<Self> {
        let file = match file {
            None if !Path::new(DEFAULT_FILE).exists() => None,
            None => Some(Path::new(DEFAULT_FILE)),
            Some(file) => Some(file),
        };
        let mut figment = Figment::new();
        if let Some(file) = file {
            // Read here, because figment takes a missing file for an empty one.
            std::fs::read_to_string(file)
                .with_context(|| format!("failed to read {}", file.display()))?;
            figment = figment.merge(Toml::file_exact(file));
        }
        let config: Self = figment
            .merge(Env::prefixed(PREFIX).split("__"))
            .extract()
            .with_context(|| match file {
                Some(file) => format!("{} and {PREFIX}* do not say it all right", file.display()),
                None => format!("{DEFAULT_FILE} is not there, and {PREFIX}* do not say it all"),
            })?;
        check_reach(config.listen, config.tls.is_some())?;
        Ok(config)
    }

    /// Checks that the files are there that the configuration names. The key
    /// file is made by `init`.
    ///
    /// # Errors
    /// When one is not; the text names it.
    pub(crate) fn check_files(&self) -> anyhow::Result<()> {
        if !self.key_file.exists() {
            bail!(
                "key_file = {:?} does not exist: `lazulid init` makes it, once; a controller that \
                 was set up before needs the one it had",
                self.key_file
            );
        }
        let tls = self.tls.as_ref();
        let mut files = vec![&self.cloud.client_secret_file];
        files.extend(tls.into_iter().flat_map(|tls| [&tls.certificate, &tls.key]));
        files.extend(&self.cloud.ca_file);
        for file in files {
            if !file.exists() {
                bail!("{} does not exist", file.display());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const GOOD: &str = r#"
        database_url = "postgres:///lazuli"
        key_file = "/etc/lazuli/key"
        state_dir = "/var/lib/lazuli/state"
        [cloud]
        subscription = "s"
        tenant = "t"
        client_id = "c"
        client_secret_file = "/etc/lazuli/client-secret"
    "#;

    fn load(text: &str) -> Result<Config, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Config::load(Some(file.path())).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn defaults_are_loopback_and_public_azure() {
        let config = load(GOOD).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:17070");
        assert_eq!(config.cloud.arm, "https://management.azure.com");
        let missing = config.check_files().unwrap_err().to_string();
        assert!(missing.contains("lazulid init"), "{missing}");
    }

    #[test]
    fn only_a_certificate_opens_the_network() {
        let open = format!("listen = \"0.0.0.0:17070\"\n{GOOD}");
        let refused = load(&open).unwrap_err();
        assert!(refused.contains("in the clear"), "{refused}");
        assert!(refused.contains("[tls]"), "{refused}");
        let tls = format!("{open}\n[tls]\ncertificate = \"c\"\nkey = \"k\"\n");
        assert!(load(&tls).unwrap().tls.is_some());
        let half = format!("{open}\n[tls]\ncertificate = \"c\"\n");
        assert!(load(&half).unwrap_err().contains("missing field `key`"));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let typo = load(&format!("lisen = \"127.0.0.1:1\"\n{GOOD}")).unwrap_err();
        assert!(typo.contains("unknown field: found `lisen`"), "{typo}");
        let below = load(&format!("{GOOD}\nregoin = \"x\"\n")).unwrap_err();
        assert!(below.contains("found `regoin`"), "{below}");
        assert!(load("").unwrap_err().contains("missing field"));
    }
}
