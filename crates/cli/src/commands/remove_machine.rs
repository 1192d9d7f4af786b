//! `remove-machine`.

use lazuli_api::Removal;

use crate::error::Result;
use crate::removal::{RemovalArgs, confirm, tell};
use crate::session::Session;

/// Remove machines
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The machines
    #[arg(required = true)]
    machines: Vec<String>,
    /// Leave what runs at the cloud
    #[arg(long)]
    keep_instance: bool,
    #[command(flatten)]
    how: RemovalArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let how = Removal {
            keep_instance: self.keep_instance,
            ..self.how.removal()
        };
        if self.how.asks() {
            let mut planned = Vec::new();
            for name in &self.machines {
                let dry = Removal {
                    dry_run: true,
                    ..how
                };
                planned.push(at.client.remove_machine(name, &dry).await?);
            }
            confirm(&planned)?;
        }
        for name in &self.machines {
            tell(session, &at.client.remove_machine(name, &how).await?);
        }
        Ok(())
    }
}
