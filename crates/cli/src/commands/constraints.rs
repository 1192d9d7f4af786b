//! `constraints` and `set-constraints`.

use crate::error::Result;
use crate::output::OutputArgs;
use crate::render::constraints::{Format, text};
use crate::session::Session;

/// Show the constraints of an application
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The application
    application: String,
    /// Specify output format
    #[arg(long, value_enum, default_value = "constraints")]
    format: Format,
    #[command(flatten)]
    to: OutputArgs,
}

/// Set machine constraints of an application
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// The application
    application: String,
    /// CONSTRAINT=VALUE; they replace all that were set
    #[arg(required = true)]
    constraints: Vec<String>,
}

impl ShowArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let found = at.client.application_constraints(&self.application).await?;
        self.to.print(&text(&found.constraints, self.format)?)
    }
}

impl SetArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let constraints = self.constraints.join(" ");
        let changed = at
            .client
            .set_application_constraints(&self.application, &constraints)
            .await?;
        session.say_all(&changed.notices);
        Ok(())
    }
}
