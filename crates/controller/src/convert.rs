//! Between the frames that machines speak and the vocabulary of the planner.

use lazuli_model::id::UnitId;
use lazuli_model::ports::PortRange;
use lazuli_plan::{Ended, Exit, HookWrite, ImmediateWrite, Levels};
use lazuli_runner::frames;
use time::OffsetDateTime;

use crate::vault::Vault;

/// The end of what a failed hook printed that its error shows, in characters.
const SHOWN_OUTPUT: usize = 300;

/// A port range as frames have it.
pub(crate) fn port_to_frame(range: &PortRange) -> frames::PortRange {
    let (from, to) = range.ports().unwrap_or((0, 0));
    frames::PortRange {
        protocol: range.protocol().as_str().to_owned(),
        from,
        to,
    }
}

/// A machine's word for a unit: none when it is not a uuid of ours.
pub(crate) fn unit(run: &frames::RunId) -> Option<UnitId> {
    run.unit.parse().ok()
}

/// An outcome in the planner's terms; none when the machine made it up. What
/// it says of secrets is sealed here; what cannot be taken fails the hook.
pub(crate) fn ended(
    outcome: &frames::Outcome,
    vault: &Vault,
    now: OffsetDateTime,
) -> Option<Ended> {
    let levels: Levels = serde_json::from_value(outcome.levels.clone()).ok()?;
    let (exit, writes) = match writes(outcome, vault, now) {
        Ok(writes) => (exit(outcome), writes),
        Err(reason) => (Exit::Failed { reason }, Vec::new()),
    };
    Some(Ended {
        unit: unit(&outcome.run)?,
        seq: outcome.run.seq,
        levels,
        exit,
        writes,
    })
}

/// Its buffered writes in the planner's terms, secrets sealed.
///
/// # Errors
/// Why one cannot be taken.
pub(crate) fn writes(
    outcome: &frames::Outcome,
    vault: &Vault,
    now: OffsetDateTime,
) -> Result<Vec<HookWrite>, String> {
    outcome
        .writes
        .iter()
        .filter_map(|write| match write {
            frames::Write::Secret { write } => Some(vault.write(write, now).map(HookWrite::Secret)),
            other => buffered(other).map(Ok),
        })
        .collect()
}

fn exit(outcome: &frames::Outcome) -> Exit {
    let reason = match &outcome.exit {
        frames::Exit::Code { code: 0 } | frames::Exit::Missing => return Exit::Success,
        frames::Exit::Interrupted { reason } => {
            return Exit::Interrupted {
                reason: reason.clone(),
            };
        }
        frames::Exit::Code { code } => format!("exit status {code}"),
        frames::Exit::Signal { signal } => format!("ended by signal {signal}"),
        frames::Exit::NotStarted { reason } | frames::Exit::Killed { reason } => reason.clone(),
    };
    let end = last_output(&outcome.output);
    Exit::Failed {
        reason: if end.is_empty() {
            reason
        } else {
            format!("{reason}: {end}")
        },
    }
}

fn last_output(output: &frames::Output) -> String {
    let text = if output.tail.is_empty() {
        &output.head
    } else {
        &output.tail
    };
    let text = text.trim_end();
    let skip = text.chars().count().saturating_sub(SHOWN_OUTPUT);
    text.chars().skip(skip).collect()
}

/// A buffered write in the planner's terms.
pub(crate) fn buffered(write: &frames::Write) -> Option<HookWrite> {
    Some(match write {
        frames::Write::RelationSet {
            relation,
            app,
            settings,
        } => HookWrite::RelationSet {
            relation: *relation,
            application: *app,
            settings: settings.clone(),
        },
        frames::Write::State { state } => HookWrite::State {
            state: state.clone(),
        },
        frames::Write::OpenPort { endpoint, range } => HookWrite::OpenPort {
            endpoint: endpoint.clone(),
            range: port(range)?,
        },
        frames::Write::ClosePort { endpoint, range } => HookWrite::ClosePort {
            endpoint: endpoint.clone(),
            range: port(range)?,
        },
        frames::Write::StorageAdd { store, count } => HookWrite::StorageAdd {
            store: store.clone(),
            count: *count,
        },
        frames::Write::Secret { .. }
        | frames::Write::Status { .. }
        | frames::Write::Reboot { .. }
        | frames::Write::LeaderSet { .. }
        | frames::Write::WorkloadVersion { .. }
        | frames::Write::ActionLog { .. }
        | frames::Write::ActionSet { .. }
        | frames::Write::ActionFail { .. } => return None,
    })
}

/// An immediate write in the planner's terms.
pub(crate) fn immediate(write: &frames::Write) -> Option<ImmediateWrite> {
    Some(match write {
        frames::Write::Status {
            application,
            status,
            message,
        } => ImmediateWrite::Status {
            application: *application,
            status: status.clone(),
            message: message.clone(),
        },
        frames::Write::LeaderSet { settings } => ImmediateWrite::LeaderSet {
            settings: settings.clone(),
        },
        frames::Write::WorkloadVersion { version } => ImmediateWrite::WorkloadVersion {
            version: version.clone(),
        },
        frames::Write::Reboot { .. } => ImmediateWrite::Rebooting,
        frames::Write::RelationSet { .. }
        | frames::Write::State { .. }
        | frames::Write::OpenPort { .. }
        | frames::Write::ClosePort { .. }
        | frames::Write::StorageAdd { .. }
        | frames::Write::Secret { .. }
        | frames::Write::ActionLog { .. }
        | frames::Write::ActionSet { .. }
        | frames::Write::ActionFail { .. } => return None,
    })
}

fn port(range: &frames::PortRange) -> Option<PortRange> {
    range.to_string().parse().ok()
}
