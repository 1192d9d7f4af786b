//! `resolved`.

use lazuli_model::document::status::Status;

use crate::error::{Error, Result};
use crate::session::Session;

/// Mark unit errors as resolved, and run what failed again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The units
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    units: Vec<String>,
    /// All units in error
    #[arg(long)]
    all: bool,
    /// Do not run failed hooks again
    #[arg(long)]
    no_retry: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let units = match self.all {
            true => in_error(&at.client.status().await?),
            false => self.units,
        };
        let mut failed = Vec::new();
        for unit in &units {
            if let Err(error) = at.client.resolved(unit, !self.no_retry).await {
                failed.push((unit, Error::from(error)));
            }
        }
        match failed.len() {
            0 => Ok(()),
            1 => Err(failed.remove(0).1),
            _ => {
                let lines: Vec<String> = failed
                    .iter()
                    .map(|(unit, error)| format!("\n  {unit}: {error}"))
                    .collect();
                Err(Error::user(format!(
                    "some units could not be resolved:{}",
                    lines.concat()
                )))
            }
        }
    }
}

fn in_error(status: &Status) -> Vec<String> {
    let mut found = Vec::new();
    for application in status.applications.values() {
        for (name, unit) in &application.units {
            let below = unit.subordinates.iter();
            for (name, unit) in std::iter::once((name, unit)).chain(below) {
                if unit.workload_status.current == "error" {
                    found.push(name.clone());
                }
            }
        }
    }
    found
}
