//! The simulator's centre: the state behind a lock, its log, the hosts, and
//! the tasks that carry operations out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;
use tokio::sync::Mutex as AsyncMutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::arm::{Answer, Call, World, handle, internal, render};
use crate::error::{ArmError, Error};
use crate::hosts::{Hosts, HostsError};
use crate::ids::ResourceId;
use crate::operation::{Bend, Operation};
use crate::settings::Settings;
use crate::state::{Change, Cloud, Tx};
use crate::store::{Store, worth_compacting};
use crate::tuning::Tuning;

/// What is behind the one lock of the state.
struct Inner {
    cloud: Cloud,
    tuning: Tuning,
    /// Lines in the log.
    lines: usize,
}

/// What the hosts were told of the network last.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) vnets: BTreeMap<String, lazuli_guests::VnetSpec>,
    pub(crate) policies: BTreeMap<String, lazuli_guests::NetworkPolicy>,
}

/// The simulated cloud at work.
pub(crate) struct Engine {
    pub(crate) settings: Settings,
    inner: Mutex<Inner>,
    store: Store,
    pub(crate) hosts: Arc<dyn Hosts>,
    pub(crate) told: AsyncMutex<Told>,
    /// Held while work on a VM's guest is done.
    vm_locks: Mutex<BTreeMap<String, Arc<AsyncMutex<()>>>>,
    pub(crate) builds: tokio::sync::mpsc::Sender<crate::builder::Build>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
    i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
}

impl Engine {
    /// Opens the state in the data directory; work begins with
    /// [`Engine::resume`].
    pub(crate) fn open(settings: Settings, hosts: Arc<dyn Hosts>) -> Result<Arc<Self>, Error> {
        let (store, cloud) = Store::open(&settings.data, settings.seed, settings.sync)?;
        let (builds, queue) = crate::builder::queue();
        let tuning = Tuning::new(settings.quotas.clone());
        let engine = Arc::new(Self {
            settings,
            inner: Mutex::new(Inner {
                lines: cloud.len(),
                cloud,
                tuning,
            }),
            store,
            hosts,
            told: AsyncMutex::default(),
            vm_locks: Mutex::default(),
            builds,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        });
        engine.tasks.spawn(crate::builder::run(
            Arc::clone(&engine.hosts),
            queue,
            engine.stop.clone(),
        ));
        Ok(engine)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Cloud) -> T) -> T {
        look(&self.inner().cloud)
    }

    /// Changes what the control endpoint may change.
    pub(crate) fn tune<T>(&self, change: impl FnOnce(&mut Tuning) -> T) -> T {
        change(&mut self.inner().tuning)
    }

    /// Answers a request to the resource manager; returns when its effects are
    /// durable and, for the network, in force.
    pub(crate) async fn call(
        self: &Arc<Self>,
        call: &Call<'_>,
        bend: Option<Bend>,
    ) -> Result<Answer, ArmError> {
        let arm64 = self.hosts.arm64();
        let answer = self
            .transact(|tx, tuning| {
                let world = World {
                    settings: &self.settings,
                    tuning,
                    bend,
                    arm64,
                    force: call
                        .query("forceDeletion")
                        .is_some_and(|force| force == "true"),
                };
                handle(tx, &world, call)
            })
            .await?;
        if answer.network {
            self.sync_network().await.map_err(|error| {
                tracing::error!(error = %error.chain(), "the network of the guests could not follow");
                ArmError::new(500, "InternalServerError", error.chain())
            })?;
        }
        Ok(answer)
    }

    /// Runs a transaction; nothing of it stays if it fails.
    pub(crate) async fn transact<T>(
        self: &Arc<Self>,
        run: impl FnOnce(&mut Tx<'_>, &Tuning) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        let (value, started, durable) = {
            let mut guard = self.inner();
            let inner = &mut *guard;
            let mut tx = Tx::new(&mut inner.cloud, now_ms());
            let value = match run(&mut tx, &inner.tuning) {
                Ok(value) => value,
                Err(error) => {
                    tx.undo();
                    return Err(error);
                }
            };
            let done = tx.finish();
            let durable = if done.changes.is_empty() {
                None
            } else {
                inner.lines += 1;
                let durable = self.store.append(done.changes);
                if worth_compacting(inner.lines, inner.cloud.len()) {
                    self.store.compact(inner.cloud.snapshot());
                    inner.lines = inner.cloud.len();
                }
                Some(durable)
            };
            (value, done.started, durable)
        };
        if let Some(durable) = durable
            && durable.await.is_err()
        {
            return Err(ArmError::new(
                500,
                "InternalServerError",
                "The simulator cannot write its state; see its log.",
            ));
        }
        for operation in started {
            self.carry_out(operation);
        }
        Ok(value)
    }

    /// Runs a transaction that cannot be refused.
    pub(crate) async fn change(
        self: &Arc<Self>,
        run: impl FnOnce(&mut Tx<'_>),
    ) -> Result<(), ArmError> {
        self.transact(|tx, _| {
            run(tx);
            Ok(())
        })
        .await
    }

    /// Remembers how a resource looked that is about to be removed.
    pub(crate) fn bury(&self, id: &ResourceId) {
        let mut guard = self.inner();
        let inner = &mut *guard;
        if let Some(resource) = inner.cloud.get(id) {
            let body = render(&inner.cloud, resource);
            inner.tuning.bury(resource.id.key(), body, now_ms());
        }
    }

    pub(crate) fn operation(&self, id: Uuid) -> Option<Operation> {
        self.read(|cloud| cloud.operation(id).cloned())
    }

    /// The lock of a VM's guest.
    pub(crate) fn vm_lock(&self, id: &ResourceId) -> Arc<AsyncMutex<()>> {
        let mut locks = self.vm_locks.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds are dropped when there are many.
        if locks.len() > 1_000 {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(locks.entry(id.key().1).or_default())
    }

    /// Runs a blocking call of the hosts.
    pub(crate) async fn on_hosts<T: Send + 'static>(
        &self,
        call: impl FnOnce(&dyn Hosts) -> Result<T, HostsError> + Send + 'static,
    ) -> Result<T, HostsError> {
        let hosts = Arc::clone(&self.hosts);
        tokio::task::spawn_blocking(move || call(&*hosts))
            .await
            .map_err(|error| HostsError::text(error.to_string()))?
    }

    /// Waits until the log holds all that happened.
    pub(crate) async fn flush(&self) {
        let durable = self.store.append(Vec::<Change>::new());
        // A closed log has been reported where it closed.
        let _closed = durable.await;
    }

    /// The error of a failure of the hosts.
    pub(crate) fn host_failure(error: &HostsError) -> ArmError {
        internal(format!(
            "An internal execution error occurred: {}",
            error.chain()
        ))
    }
}
