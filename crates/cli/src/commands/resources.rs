//! `resources`.

use crate::error::{Error, Result};
use crate::output::ListArgs;
use crate::render::resources;
use crate::session::Session;

/// Show the resources of an application or a unit
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application or the unit
    #[arg(value_name = "APPLICATION or UNIT")]
    name: String,
    /// Show what each unit has
    #[arg(long)]
    details: bool,
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let (application, unit) = match self.name.split_once('/') {
            Some((application, _)) => (application, Some(self.name.as_str())),
            None => (self.name.as_str(), None),
        };
        let list = session.at_model()?.client.resources(application).await?;
        if let Some(unit) = unit
            && !list.units.iter().any(|row| row.unit == unit)
        {
            return Err(Error::user(format!("unit {unit:?} not found")));
        }
        let text = match self.show.format.structured() {
            Some(format) => format.text(&resources::document(application, &list, unit))?,
            None if self.details => resources::details(&list, unit),
            None => resources::tabular(&list, unit),
        };
        if text.is_empty() {
            session.say("No resources to display.");
        }
        self.show.to.print(&text)
    }
}
