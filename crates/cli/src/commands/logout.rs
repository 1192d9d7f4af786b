//! `logout`.

use crate::error::{Error, Result};
use crate::files::Accounts;
use crate::session::Session;

/// Log out of the controller
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Forget the login even if the server cannot be told
    #[arg(long)]
    force: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let name = session.controller_name()?;
        let accounts: Accounts = session.files.read()?;
        let account = accounts.controllers.get(&name);
        if account.is_some_and(|account| account.token.is_some()) {
            let told = session
                .at_named_controller(name.clone())?
                .client
                .logout()
                .await;
            match told {
                // A token that is no longer good is as good as logged out.
                Err(error) if error.problem().is_some_and(|one| one.status == 401) => {}
                Err(error) if self.force => session.say(Error::from(error).report().trim_end()),
                other => other?,
            }
        }
        session.files.update(|accounts: &mut Accounts| {
            if let Some(account) = accounts.controllers.get_mut(&name) {
                account.token = None;
            }
        })?;
        session.say(format!("Logged out of {name:?}."));
        Ok(())
    }
}
