//! What all requests share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lazuli_model::id::{ModelId, UserId};
use lazuli_source::{Catalogue, Charmhub};
use lazuli_store::Store;
use lazuli_store::access::Access;
use lazuli_store::desired::AddressPool;
use lazuli_store::users::User;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::authn::{Pace, PasswordCost, Passwords, Recent, SetUpError};
use crate::cache::Cache;
use crate::contents::Contents;
use crate::outside::{Dialer, Inventory, Keys};
use crate::places::Places;

/// How the server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The controller's name.
    pub controller: String,
    /// The cloud that models are made in.
    pub cloud: String,
    /// The region that models are made in unless they say otherwise.
    pub region: String,
    /// Where models' address ranges come from.
    pub addresses: AddressPool,
    /// How long a token is good, unless its user wants it shorter.
    pub token_lifetime: Duration,
    /// Bytes of a charm's archive.
    pub largest_charm: u64,
    /// Bytes of a resource.
    pub largest_resource: u64,
    /// The charm store; models may name another.
    pub charmhub_url: String,
    /// Directories of charms that are deployed by name.
    pub charm_catalogue: Vec<PathBuf>,
    /// Requests at once, streams apart.
    pub most_requests: usize,
    /// Streams and tunnels at once.
    pub most_streams: usize,
    /// Models kept in memory.
    pub most_models: usize,
    /// How often what stays open is asked whether it may.
    pub recheck: Duration,
    /// What one hash of a password costs.
    pub password_cost: PasswordCost,
}

impl Settings {
    /// With the usual limits.
    #[must_use]
    pub fn new(controller: &str, cloud: &str, region: &str, addresses: AddressPool) -> Self {
        Self {
            controller: controller.to_owned(),
            cloud: cloud.to_owned(),
            region: region.to_owned(),
            addresses,
            token_lifetime: Duration::from_secs(30 * 24 * 3600),
            largest_charm: 256 << 20,
            largest_resource: 4 << 30,
            charmhub_url: CHARMHUB.to_owned(),
            charm_catalogue: Vec::new(),
            most_requests: 512,
            most_streams: 2000,
            recheck: Duration::from_secs(30),
            most_models: 200,
            password_cost: PasswordCost::default(),
        }
    }
}

/// The server. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

pub struct Inner {
    pub(crate) store: Store,
    pub(crate) settings: Settings,
    pub(crate) keys: Box<dyn Keys>,
    pub(crate) dialer: Box<dyn Dialer>,
    pub(crate) contents: Contents,
    pub(crate) cache: Cache,
    pub(crate) passwords: Passwords,
    pub(crate) pace: Pace,
    /// Users by their tokens' hashes.
    pub(crate) sessions: Recent<[u8; 32], Session>,
    /// What a user means by a model's name, and may do with it.
    pub(crate) names: Recent<(UserId, String), (ModelId, Option<Access>)>,
    /// Archives of charms that are received and judged.
    pub(crate) uploads: Places,
    /// Files that are streamed to the store at once.
    pub(crate) transfers: Places,
    /// Archives that are passed on from the store at once.
    pub(crate) downloads: Places,
    pub(crate) charmhub: Charmhub,
    pub(crate) catalogue: Catalogue,
    /// Streams and tunnels.
    pub(crate) streams: Places,
    /// Cancelled when the server is about to stop: streams end.
    pub(crate) stopping: CancellationToken,
}

/// A user who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: User,
    pub(crate) token: uuid::Uuid,
    pub(crate) sha256: [u8; 32],
}

/// Archives that are received and judged at once; each is in memory.
const UPLOADS: usize = 2;

/// The public charm store.
const CHARMHUB: &str = "https://api.charmhub.io";
/// Files that are streamed to the store at once; each takes a few chunks of
/// memory.
const TRANSFERS: usize = 8;

impl App {
    /// A server over a store. It ends its streams when `stopping` is
    /// cancelled.
    ///
    /// # Errors
    ///
    /// Fails when the cost of passwords is not one.
    pub fn new(
        store: Store,
        settings: Settings,
        keys: impl Keys,
        dialer: impl Dialer,
        inventory: impl Inventory,
        stopping: CancellationToken,
    ) -> Result<Self, SetUpError> {
        let passwords = Passwords::new(settings.password_cost)
            .map_err(|error| SetUpError::Invalid(error.to_string()))?;
        let charmhub = Charmhub::new(&settings.charmhub_url)
            .map_err(|error| SetUpError::Invalid(error.to_string()))?;
        Ok(Self(Arc::new(Inner {
            cache: Cache::new(store.clone(), settings.most_models),
            store,
            keys: Box::new(keys),
            dialer: Box::new(dialer),
            contents: Contents::new(inventory),
            passwords,
            pace: Pace::default(),
            sessions: Recent::default(),
            names: Recent::default(),
            uploads: Places::new(UPLOADS),
            transfers: Places::new(TRANSFERS),
            downloads: Places::new(TRANSFERS),
            charmhub,
            catalogue: Catalogue::new(settings.charm_catalogue.clone()),
            streams: Places::new(settings.most_streams),
            stopping,
            settings,
        })))
    }

    /// The time. Asked for here and nowhere else.
    pub(crate) fn now(&self) -> OffsetDateTime {
        // Postgres keeps microseconds: what is written reads back the same.
        let now = OffsetDateTime::now_utc();
        let nanos = now.nanosecond() / 1000 * 1000;
        now.replace_nanosecond(nanos).unwrap_or(now)
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
