//! Flags of removals, and the question before one.

use lazuli_api::{Changed, ClientError, Removal};

use crate::ask;
use crate::error::Result;
use crate::render::changes::will_remove;
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

    /// Removes one after the other, as `remove` does it; first shows what goes,
    /// and asks.
    pub(crate) async fn carry_out(
        &self,
        session: &Session,
        names: &[String],
        how: Removal,
        remove: impl AsyncFn(&str, &Removal) -> std::result::Result<Changed, ClientError>,
    ) -> Result<()> {
        if !self.no_prompt && !self.dry_run {
            let dry = Removal {
                dry_run: true,
                ..how
            };
            let mut lines = String::new();
            for name in names {
                lines += &will_remove(&remove(name, &dry).await?);
            }
            ask::yes(&format!(
                "This command will perform the following actions:\n{lines}\nContinue"
            ))?;
        }
        for name in names {
            let changed = remove(name, &how).await?;
            let lines = will_remove(&changed);
            if !lines.is_empty() {
                session.say(lines.trim_end());
            }
            session.say_all(&changed.notices);
        }
        Ok(())
    }
}
