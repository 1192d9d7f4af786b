//! `cloud ledger`.

use clap::Subcommand;

use crate::error::{Error, Result};
use crate::output::ListArgs;
use crate::render::ledger as render;
use crate::session::Session;

/// See what there is at the cloud
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every resource of the model: its owner, its age, its price; checked
    /// against the cloud's own list. Fails when they do not agree
    Ledger(LedgerArgs),
}

#[derive(Debug, clap::Args)]
struct LedgerArgs {
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let What::Ledger(args) = self.what;
        let ledger = session.at_model()?.client.ledger().await?;
        let text = match args.show.format.structured() {
            Some(format) => format.text(&ledger)?,
            None => render::text(&ledger, time::OffsetDateTime::now_utc()),
        };
        args.show.to.print(&text)?;
        if ledger.balanced {
            return Ok(());
        }
        Err(Error::with_hint(
            "the ledger and the cloud do not agree",
            "look again in two minutes; what stays is told in the model's status, or is a bug",
        ))
    }
}
