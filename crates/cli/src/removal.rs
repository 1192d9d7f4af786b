//! Flags of removals, and the question before one.

use lazuli_api::{Changed, Removal};

use crate::ask;
use crate::error::Result;
use crate::render::removal;
use crate::session::Session;

/// Flags of `remove-application`, `remove-unit` and `remove-machine`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RemovalArgs {
    /// Do not ask for confirmation
    #[arg(long)]
    no_prompt: bool,
    /// Print what would be removed without removing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Completely remove, ignoring any errors
    #[arg(long)]
    pub(crate) force: bool,
    /// Rush through without waiting for each individual step to complete
    #[arg(long)]
    no_wait: bool,
}

impl RemovalArgs {
    /// As the API has it.
    pub(crate) fn removal(&self) -> Removal {
        Removal {
            dry_run: self.dry_run,
            force: self.force,
            ..Removal::default()
        }
    }

    /// Whether a person is to be asked first.
    pub(crate) fn asks(&self) -> bool {
        !self.no_prompt && !self.dry_run
    }
}

/// Shows what would go, and asks.
pub(crate) fn confirm(planned: &[Changed]) -> Result<()> {
    let lines: String = planned.iter().map(removal::lines).collect();
    ask::yes(&format!(
        "This command will perform the following actions:\n{lines}\nContinue"
    ))
}

/// Says what goes.
pub(crate) fn tell(session: &Session, changed: &Changed) {
    let lines = removal::lines(changed);
    if !lines.is_empty() {
        session.say(lines.trim_end());
    }
    for notice in &changed.notices {
        session.say(notice);
    }
}
