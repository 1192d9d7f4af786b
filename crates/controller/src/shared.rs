//! What all models of a replica share.

use std::sync::Arc;

use lazuli_cloud::Cloud;
use lazuli_host::Hosts;
use lazuli_model::id::{ControllerId, ReplicaId};
use lazuli_store::Store;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::heartbeat::Deadline;
use crate::logs::LogWriter;
use crate::survey::Surveys;

/// Calls to the cloud at once, over all models, those that wait for their turn
/// included: more are not worth the memory.
pub(crate) const CLOUD_CALLS: usize = 4096;

/// What all models of a replica share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) hosts: Hosts,
    pub(crate) controller: ControllerId,
    pub(crate) replica: ReplicaId,
    /// Until when this replica may act.
    pub(crate) deadline: Deadline,
    pub(crate) logs: LogWriter,
    pub(crate) calls: Arc<Semaphore>,
    pub(crate) surveys: Surveys,
    pub(crate) tasks: TaskTracker,
}

/// The time, in the database's resolution: what is committed comes back the
/// same. The one place where the controller reads the clock.
pub(crate) fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    let micros = now.microsecond();
    now.replace_microsecond(micros).unwrap_or(now)
}
