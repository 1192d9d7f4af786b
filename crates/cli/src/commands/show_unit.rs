//! `show-unit`.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::output::ShowArgs;
use crate::render::show::{UnitView, unit};
use crate::session::Session;

/// Show units and their relation data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The units
    #[arg(required = true)]
    units: Vec<String>,
    /// Only show data of applications
    #[arg(long)]
    app: bool,
    /// Only show relations of this endpoint
    #[arg(long)]
    endpoint: Option<String>,
    /// Only show data of this unit at the other end
    #[arg(long, value_name = "UNIT")]
    related_unit: Option<String>,
    #[command(flatten)]
    show: ShowArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let view = UnitView {
            app: self.app,
            endpoint: self.endpoint,
            related_unit: self.related_unit,
        };
        let mut shown = BTreeMap::new();
        for name in &self.units {
            shown.insert(name, unit(at.client.unit(name).await?, &view));
        }
        self.show.print(&shown)
    }
}
