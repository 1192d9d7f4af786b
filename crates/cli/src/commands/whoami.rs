//! `whoami`.

use serde_json::json;

use crate::error::{Error, Result};
use crate::files::Accounts;
use crate::output::ListArgs;
use crate::session::Session;

/// Print the current controller, model and user
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    show: ListArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let controller = session.controller_name()?;
        let accounts: Accounts = session.files.read()?;
        let Some(account) = accounts
            .controllers
            .get(&controller)
            .filter(|account| account.token.is_some())
        else {
            return Err(Error::user(format!(
                "you are not logged in to controller {controller:?}: lazuli login {controller}"
            )));
        };
        let user = &account.user;
        let model = session.current_model(&controller)?;
        let model = model.map(|model| match model.strip_prefix(&format!("{user}/")) {
            Some(own) => own.to_owned(),
            None => model,
        });
        let text = match self.show.format.structured() {
            Some(format) => {
                let mut document = json!({"controller": controller, "user": user});
                if let Some(model) = model {
                    document["model"] = json!(model);
                }
                format.text(&document)?
            }
            None => format!(
                "Controller:  {controller}\nModel:       {}\nUser:        {user}\n",
                model.as_deref().unwrap_or("<no-current-model>")
            ),
        };
        self.show.to.print(&text)
    }
}
