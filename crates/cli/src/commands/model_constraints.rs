//! `model-constraints` and `set-model-constraints`.

use crate::error::Result;
use crate::output::OutputArgs;
use crate::render::constraints::{Format, text};
use crate::session::Session;

/// Show the machine constraints of a model
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Specify output format
    #[arg(long, value_enum, default_value = "constraints")]
    format: Format,
    #[command(flatten)]
    to: OutputArgs,
}

/// Set machine constraints on a model
#[derive(Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// CONSTRAINT=VALUE; they replace all that were set
    #[arg(required = true)]
    constraints: Vec<String>,
}

impl ShowArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let found = session.at_model()?.client.constraints().await?;
        self.to.print(&text(&found.constraints, self.format)?)
    }
}

impl SetArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let constraints = self.constraints.join(" ");
        let changed = at.client.set_constraints(&constraints).await?;
        session.say_all(&changed.notices);
        Ok(())
    }
}
