//! `remove-machine`.

use lazuli_api::Removal;

use crate::error::Result;
use crate::removal::RemovalArgs;
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
        let remove = async |name: &str, how: &Removal| at.client.remove_machine(name, how).await;
        self.how
            .carry_out(session, &self.machines, how, remove)
            .await
    }
}
