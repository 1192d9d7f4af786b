//! `find`.

use crate::error::Result;
use crate::output::ListArgs;
use crate::render::store;
use crate::session::Session;

/// Query the charm store for available charms or bundles
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to look for
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
    /// Only charms, or only bundles
    #[arg(long = "type", value_name = "charm|bundle")]
    kind: Option<String>,
    /// Only those of this publisher
    #[arg(long)]
    publisher: Option<String>,
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let query = self.query.join(" ");
        if query.is_empty() {
            session.say("No search term specified. Here are some interesting charms:");
        }
        let mut found = session
            .at_controller()?
            .client
            .find_charms(&query)
            .await?
            .charms;
        found.retain(|charm| {
            let is = |wanted: &Option<String>, has: &str| {
                wanted.as_ref().is_none_or(|wanted| wanted == has)
            };
            is(&self.kind, &charm.kind) && is(&self.publisher, &charm.publisher)
        });
        if found.is_empty() {
            session.say(format!("No matching charms for {query:?}"));
            return Ok(());
        }
        let text = match self.show.format.structured() {
            Some(format) => format.text(&store::found_document(&found))?,
            None => store::found_table(&found),
        };
        self.show.to.print(&text)
    }
}
