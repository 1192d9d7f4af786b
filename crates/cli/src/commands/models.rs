//! `models`.

use crate::error::Result;
use crate::files::{Model, Models};
use crate::output::ListArgs;
use crate::render::models;
use crate::render::times::Clock;
use crate::session::Session;

/// List the models of a controller
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    show: ListArgs,
    #[arg(long, hide = true)]
    all: bool,
    /// Show the ids of models
    #[arg(long)]
    uuid: bool,
    #[arg(long, hide = true)]
    exact_time: bool,
    #[arg(long, hide = true)]
    user: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_controller()?;
        let found = at.client.models().await?.models;
        session.files.update(|models: &mut Models| {
            let known = models.controllers.entry(at.name.clone()).or_default();
            known.models = found
                .iter()
                .map(|model| {
                    let full = format!("{}/{}", model.owner, model.name);
                    (full, Model::new(&model.uuid))
                })
                .collect();
            known.current = known
                .current
                .take()
                .filter(|current| known.models.contains_key(current));
        })?;
        let current = session.current_model(&at.name)?;
        let current = current.as_deref();
        let text = match self.show.format.structured() {
            Some(format) => {
                let clock = Clock::new(self.exact_time, session.offset);
                format.text(&models::list(&found, &at.user, current, clock))?
            }
            None => models::tabular(&at.name, &found, &at.user, current, self.uuid),
        };
        self.show.to.print(&text)
    }
}
