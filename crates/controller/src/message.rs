//! What reaches a model's loop.

use std::sync::Arc;

use lazuli_cloud::{CloudError, Progress, SeenMachine};
use lazuli_host::HostEvent;
use lazuli_model::id::{EffectId, MachineId};
use lazuli_model::state::MachineFacts;

use crate::survey::Sight;

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
    /// The machines of the subscription were looked at.
    Surveyed {
        /// What was seen.
        sight: Arc<Sight>,
    },
    /// A look at a machine's first boot ended.
    Looked {
        /// The machine.
        machine: MachineId,
        /// What the machine says of itself, or why it is not ready.
        result: Result<MachineFacts, String>,
    },
    /// A machine that has been talked to says something.
    Machine {
        /// The machine.
        machine: MachineId,
        /// What it says, or what is the matter with it.
        event: HostEvent,
    },
    /// The sizes on offer changed.
    Offers,
}
