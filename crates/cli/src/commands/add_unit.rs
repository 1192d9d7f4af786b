//! `add-unit`.

use lazuli_api::AddUnits;

use crate::arguments;
use crate::error::Result;
use crate::session::Session;

/// Add units to an application
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// Number of units to add
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    num_units: u32,
    /// Where units go, with commas between: 0, zone=1, new
    #[arg(long, value_name = "PLACEMENT")]
    to: Vec<String>,
    /// Existing storage to attach to the new unit
    #[arg(long, value_name = "STORAGE")]
    attach_storage: Vec<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let units = AddUnits {
            count: self.num_units,
            placement: arguments::list(&self.to),
            attach_storage: arguments::list(&self.attach_storage),
        };
        let at = session.at_model()?;
        let changed = at.client.add_units(&self.application, &units).await?;
        session.say_all(&changed.notices);
        Ok(())
    }
}
