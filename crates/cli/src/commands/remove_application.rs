//! `remove-application`.

use lazuli_api::Removal;

use crate::error::Result;
use crate::removal::RemovalArgs;
use crate::session::Session;

/// Remove applications
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The applications
    #[arg(required = true)]
    applications: Vec<String>,
    /// Destroy storage attached to their units
    #[arg(long)]
    destroy_storage: bool,
    #[command(flatten)]
    how: RemovalArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let how = Removal {
            destroy_storage: self.destroy_storage,
            ..self.how.removal()
        };
        let remove =
            async |name: &str, how: &Removal| at.client.remove_application(name, how).await;
        self.how
            .carry_out(session, &self.applications, how, remove)
            .await
    }
}
