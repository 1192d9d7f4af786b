//! `remove-relation`.

use lazuli_api::Removal;

use crate::error::{Error, Result};
use crate::session::Session;

/// Remove a relation between two applications
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Two ends, APPLICATION[:ENDPOINT], or the number of the relation
    #[arg(required = true, num_args = 1..=2)]
    ends: Vec<String>,
    /// Force removal of the relation
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let how = Removal {
            force: self.force,
            ..Removal::default()
        };
        let changed = match self.ends.as_slice() {
            [one, other] => at.client.remove_relation_between(one, other, &how).await?,
            [number] => {
                let id = number.parse().map_err(|_| {
                    Error::Usage(format!(
                        "{number:?} is not the number of a relation: name two ends, or a number"
                    ))
                })?;
                at.client.remove_relation(id, &how).await?
            }
            _ => return Err(Error::Usage("a relation must have two ends".to_owned())),
        };
        session.say_all(&changed.notices);
        Ok(())
    }
}
