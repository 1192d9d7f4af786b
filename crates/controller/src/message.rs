//! What reaches a model's loop.

use lazuli_cloud::{CloudError, Progress, SeenMachine};
use lazuli_model::id::{EffectId, MachineId};
use lazuli_model::state::MachineFacts;
use lazuli_runner::frames::Report;

/// News for a model's loop. Each is an observation; none is a command.
#[derive(Debug)]
pub(crate) enum Message {
    /// A call about a row of the ledger ended.
    Called {
        /// The row.
        effect: EffectId,
        /// What the call brought.
        result: Result<Progress, CloudError>,
    },
    /// A list of the group's machines came.
    Listed {
        /// The list.
        result: Result<Vec<SeenMachine>, CloudError>,
    },
    /// The look at a machine's first boot ended.
    Booted {
        /// The machine.
        machine: MachineId,
        /// What the machine says of itself.
        facts: MachineFacts,
    },
    /// A machine was reached, or not.
    Reach {
        /// The machine.
        machine: MachineId,
        /// Why not; none when it was.
        trouble: Option<String>,
        /// Its boot id, when it was reached and said so.
        boot_id: Option<String>,
    },
    /// A machine's supervisor reports.
    Report {
        /// The machine.
        machine: MachineId,
        /// What it says.
        report: Report,
    },
    /// The machine has seen a higher epoch: this loop is not the holder.
    Fenced,
    /// The sizes on offer changed.
    Offers,
}
