//! Looking at all virtual machines of the subscription now and then, for all
//! models of the replica: what was deleted or stopped behind our back is
//! noticed at the price of one list, however many models and machines there
//! are.

use std::sync::Arc;
use std::time::Duration;

use lazuli_cloud::Survey;
use lazuli_model::id::{GenericUuid, ReplicaId};
use time::OffsetDateTime;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::shared::{Shared, now};

/// Between two surveys, when nobody asks for one.
const EVERY: Duration = Duration::from_secs(30);
/// Between two surveys, when somebody does.
const AT_LEAST: Duration = Duration::from_secs(3);
/// Long lists are asked for less often, so that each page has this time: the
/// cloud allows 300 such requests a minute.
const PER_PAGE: Duration = Duration::from_secs(2);
/// A survey that failed is tried again after this at the latest.
const LATEST: Duration = Duration::from_secs(300);

/// What was seen, and when the look at it began.
#[derive(Debug)]
pub(crate) struct Sight {
    pub(crate) began: OffsetDateTime,
    pub(crate) survey: Survey,
}

/// Hands out surveys to whoever wants them; while nobody does there are none.
#[derive(Debug, Default)]
pub(crate) struct Surveys {
    latest: watch::Sender<Option<Arc<Sight>>>,
    wanted: Notify,
}

impl Surveys {
    /// All surveys from now on.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<Arc<Sight>>> {
        self.latest.subscribe()
    }

    /// Asks for one soon.
    pub(crate) fn want(&self) {
        self.wanted.notify_one();
    }
}

/// Makes surveys until `cancel`.
pub(crate) async fn observe(shared: Arc<Shared>, cancel: CancellationToken) {
    let surveys = &shared.surveys;
    // Replicas that start together do not ask together.
    let mut due = Instant::now() + jitter(shared.replica, EVERY);
    let mut last = Instant::now();
    let mut failed = AT_LEAST;
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = surveys.wanted.notified() => {
                due = due.min((last + AT_LEAST).max(Instant::now()));
                continue;
            }
            () = sleep_until(due) => {}
        }
        last = Instant::now();
        if surveys.latest.receiver_count() == 0 {
            due = last + EVERY;
            continue;
        }
        let began = now();
        let seen = tokio::select! {
            () = cancel.cancelled() => return,
            seen = shared.cloud.survey() => seen,
        };
        let pause = match seen {
            Ok(survey) => {
                failed = AT_LEAST;
                let pages = u32::try_from(survey.pages).unwrap_or(u32::MAX);
                let sight = Sight { began, survey };
                surveys.latest.send_replace(Some(Arc::new(sight)));
                EVERY.max(PER_PAGE.saturating_mul(pages))
            }
            Err(error) => {
                // Nothing follows from it for any machine.
                tracing::warn!(%error, "failed to list the virtual machines of the subscription");
                failed = (failed * 2).min(LATEST);
                error.retry_after.unwrap_or(failed)
            }
        };
        last = Instant::now();
        due = last + pause;
    }
}

/// A part of `period` that depends on the replica alone.
fn jitter(replica: ReplicaId, period: Duration) -> Duration {
    let seed = replica.as_untyped_uuid().as_u128() % 1024;
    period.mul_f64(seed as f64 / 1024.0)
}
