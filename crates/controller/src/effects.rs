//! Carrying out calls to the cloud: one task a call, bounded over all models.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lazuli_cloud::{Call, CloudError, Fence, Progress};
use lazuli_model::id::ModelId;
use lazuli_model::state::{Effect, EffectSpec, FailureClass};
use lazuli_plan::Action;
use tokio::sync::mpsc;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::freeze;
use crate::heartbeat::Deadline;
use crate::message::Message;
use crate::shared::Shared;

/// The calls of one model.
#[derive(Clone)]
pub(crate) struct CloudWorker {
    shared: Arc<Shared>,
    model: ModelId,
    group: Arc<str>,
    results: mpsc::Sender<Message>,
    listing: Arc<AtomicBool>,
    /// The model's loop has ended.
    ended: CancellationToken,
}

/// Which verb a call is.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Ensure,
    Poll,
    Remove,
}

impl CloudWorker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        model: ModelId,
        group: &str,
        results: mpsc::Sender<Message>,
        ended: CancellationToken,
    ) -> Self {
        Self {
            shared,
            model,
            group: group.into(),
            results,
            listing: Arc::new(AtomicBool::new(false)),
            ended,
        }
    }

    /// The model's resource group.
    pub(crate) fn group(&self) -> &str {
        &self.group
    }

    /// Starts the call that an action asks for about a row.
    pub(crate) fn start(&self, action: &Action, row: Effect) {
        let verb = match action {
            Action::Ensure { .. } => Verb::Ensure,
            Action::Poll { .. } => Verb::Poll,
            Action::Remove { .. } => Verb::Remove,
            Action::Boot { .. }
            | Action::RunHook { .. }
            | Action::KillHook { .. }
            | Action::RunTask { .. }
            | Action::KillTask { .. } => return,
        };
        let worker = self.clone();
        self.shared.tasks.spawn(async move {
            let caller = worker.clone();
            let called = row.clone();
            let call = tokio::spawn(async move { caller.call(verb, &called).await });
            // A call that breaks must not look like one that goes on for ever.
            let broke = |error: JoinError| Err(internal(&row.name, error.to_string()));
            let result = call.await.unwrap_or_else(broke);
            if let Err(error) = &result {
                tracing::info!(model = %worker.model, effect = %row.name, %error, "a call to the cloud failed");
            }
            let message = Message::Called {
                effect: row.id,
                result,
            };
            // A loop that is gone plans anew when it comes back.
            drop(worker.results.send(message).await);
        });
    }

    async fn call(&self, verb: Verb, row: &Effect) -> Result<Progress, CloudError> {
        let _permit = self.shared.calls.acquire().await;
        let body = match (verb, &row.spec) {
            (Verb::Ensure, EffectSpec::VirtualMachine(_)) => {
                Some(freeze::body(&self.shared, self.model, row).await?)
            }
            _ => None,
        };
        let call = Call {
            controller: self.shared.controller,
            model: self.model,
            group: &self.group,
            effect: row,
            body: body.as_deref(),
            fence: &Holding {
                deadline: self.shared.deadline.clone(),
                ended: self.ended.clone(),
            },
        };
        match verb {
            Verb::Ensure => self.shared.cloud.ensure(call).await,
            Verb::Poll => self.shared.cloud.poll(call).await,
            Verb::Remove => self.shared.cloud.remove(call).await,
        }
    }

    /// Lists the group's machines, unless that is under way; whether it was
    /// started.
    pub(crate) fn list(&self) -> bool {
        if self.listing.swap(true, Ordering::AcqRel) {
            return false;
        }
        let worker = self.clone();
        self.shared.tasks.spawn(async move {
            let result = {
                let _permit = worker.shared.calls.acquire().await;
                worker.shared.cloud.machines(&worker.group).await
            };
            worker.listing.store(false, Ordering::Release);
            drop(worker.results.send(Message::Listed { result }).await);
        });
        true
    }
}

/// Whether this replica holds the model. Whoever lost it must not change its
/// cloud any more: the new holder may have deleted what is about to be made.
#[derive(Debug)]
struct Holding {
    deadline: Deadline,
    /// The model's loop has ended.
    ended: CancellationToken,
}

impl Fence for Holding {
    fn may_send(&self) -> bool {
        !self.ended.is_cancelled() && self.deadline.is_ahead()
    }
}

/// A failure on our side of a call, in its terms.
pub(crate) fn internal(what: &str, message: String) -> CloudError {
    CloudError {
        what: what.to_owned(),
        class: FailureClass::Transient,
        code: "Internal".to_owned(),
        message,
        hint: None,
        retry_after: None,
        correlation: None,
        effect_unknown: false,
    }
}
