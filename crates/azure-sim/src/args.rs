//! The command line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use lazuli_azure_sim::{Latency, Principal, Settings};
use lazuli_guests::{Flavour, Net, PackageOptions};

/// Azure Resource Manager on this machine; its virtual machines are guests.
#[derive(Debug, Parser)]
#[command(name = "azure-sim", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the simulator until SIGTERM or Ctrl-C.
    Serve(Box<Serve>),
    /// Remove everything of a simulator that is not running.
    Destroy(Destroy),
}

/// What stands behind virtual machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HostKind {
    /// Real guests; needs root.
    Guests,
    /// Nothing: the resource manager alone.
    None,
}

impl HostKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Guests => "guests",
            Self::None => "none",
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FlavourName {
    Lean,
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Clone, Debug)]
struct Quota {
    name: String,
    limit: u64,
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not NAME=NUMBER");
        let (name, limit) = text.split_once('=').ok_or_else(bad)?;
        Ok(Self {
            name: name.to_owned(),
            limit: limit.parse().map_err(|_| bad())?,
        })
    }
}

fn principal(text: &str) -> Result<Principal, String> {
    let (id, secret) = text
        .split_once(':')
        .filter(|(id, secret)| !id.is_empty() && !secret.is_empty())
        .ok_or("a client is given as ID:SECRET")?;
    Ok(Principal {
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The data directory; made if absent.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where to listen with TLS; with port 0 the port of the last run, or any.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Listen without TLS too, for curl.
    #[arg(long, value_name = "ADDRESS")]
    http_listen: Option<SocketAddr>,
    /// What stands behind virtual machines.
    #[arg(long, value_enum, default_value = "none")]
    pub(crate) hosts: HostKind,
    /// What Canonical's images become.
    #[arg(long, value_enum, default_value = "lean")]
    default_flavour: FlavourName,
    /// How long operations take: none, realistic, or ms=N.
    #[arg(long, default_value = "none")]
    latency: Latency,
    /// Of ids and latencies.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Azure's token buckets.
    #[arg(long, value_enum, default_value = "on")]
    throttle: Switch,
    /// Items per page of a list.
    #[arg(long, default_value_t = 200)]
    page_size: usize,
    /// A subscription's id; may be repeated.
    #[arg(long = "subscription", value_name = "UUID")]
    subscriptions: Vec<String>,
    /// The tenant's id.
    #[arg(long, value_name = "UUID")]
    tenant: Option<String>,
    /// A client that may log in; may be repeated.
    #[arg(long = "client", value_name = "ID:SECRET", value_parser = principal)]
    principals: Vec<Principal>,
    /// How long a token is good, in seconds.
    #[arg(long, default_value_t = 3600)]
    token_lifetime: u64,
    /// A quota, such as cores=100 or PublicIPAddresses=5; may be repeated.
    #[arg(long = "quota", value_name = "NAME=N")]
    quotas: Vec<Quota>,
    /// Where public addresses come from.
    #[arg(long, value_name = "CIDR", default_value = "20.50.0.0/16")]
    public_range: Net,
    /// Give the controller no way to private addresses.
    #[arg(long)]
    no_direct: bool,
    /// Serve this machine's packages to guests.
    #[arg(long, value_enum, default_value = "on")]
    packages: Switch,
    /// Only this package and what it needs; may be repeated.
    #[arg(long = "package", value_name = "NAME")]
    only_packages: Vec<String>,
    /// Leave guests running when the simulator ends.
    #[arg(long)]
    keep_guests: bool,
    /// Do not sync the state to disk (for tests).
    #[arg(long)]
    no_sync: bool,
}

impl Serve {
    /// What to serve to guests, if anything.
    pub(crate) fn packages(&self) -> Option<PackageOptions> {
        matches!(self.packages, Switch::On).then(|| PackageOptions {
            only: self.only_packages.clone(),
            ..PackageOptions::default()
        })
    }

    pub(crate) fn settings(self) -> Settings {
        let mut settings = Settings {
            listen: self.listen,
            http_listen: self.http_listen,
            default_flavour: match self.default_flavour {
                FlavourName::Lean => Flavour::Lean,
                FlavourName::Full => Flavour::Full,
            },
            latency: self.latency,
            seed: self.seed,
            throttle: matches!(self.throttle, Switch::On),
            page_size: self.page_size,
            token_lifetime: self.token_lifetime,
            quotas: self
                .quotas
                .into_iter()
                .map(|quota| (quota.name, quota.limit))
                .collect::<BTreeMap<_, _>>(),
            public_range: self.public_range,
            direct: !self.no_direct,
            keep_guests: self.keep_guests,
            sync: !self.no_sync,
            ..Settings::new(self.data)
        };
        if !self.subscriptions.is_empty() {
            settings.subscriptions = self.subscriptions;
        }
        if !self.principals.is_empty() {
            settings.principals = self.principals;
        }
        if let Some(tenant) = self.tenant {
            settings.tenant = tenant;
        }
        settings
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Destroy {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
}
