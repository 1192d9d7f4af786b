//! `login`.

use std::io::{IsTerminal as _, stdin};
use std::path::PathBuf;

use lazuli_api::{Client, Login};

use crate::ask;
use crate::error::{Error, Result};
use crate::files::{Account, Accounts, Controller, Controllers};
use crate::session::{Session, address_url, options, sha256};

/// Log in to a controller, which becomes the current one
///
/// The password is asked for on a terminal, and else read from stdin.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address of the controller, or the name of one that is known
    controller_address: Option<String>,
    /// Log in as this user
    #[arg(short, long)]
    user: Option<String>,
    /// Whom to trust to sign the controller's certificate, a file in PEM form
    #[arg(long, value_name = "FILE")]
    ca_cert: Option<PathBuf>,
    /// The only certificate to take, by its sha-256
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<String>,
    #[arg(long, hide = true)]
    no_prompt: bool,
    #[arg(long, hide = true)]
    trust: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let known: Controllers = session.files.read()?;
        let accounts: Accounts = session.files.read()?;
        let (name, mut controller) = self.place(session, &known)?;
        if let Some(path) = &self.ca_cert {
            let failed = Error::io(format!("read {}", path.display()));
            controller.ca_cert = Some(std::fs::read_to_string(path).map_err(failed)?);
        }
        if let Some(fingerprint) = &self.fingerprint {
            sha256(fingerprint)?;
            controller.fingerprint = Some(fingerprint.clone());
        }
        let shown = name.clone().unwrap_or_default();
        let client = Client::new(&options(&shown, &controller)?)?;
        let before = name
            .as_ref()
            .and_then(|name| accounts.controllers.get(name));
        let user = match (self.user, before) {
            (Some(user), _) => user,
            (None, Some(account)) => account.user.clone(),
            (None, None) if session.may_ask() => ask::line("username: ")?,
            (None, None) => {
                return Err(Error::Usage("the user is missing: use -u USER".to_owned()));
            }
        };
        let logged_in = client
            .login(&Login {
                password: password(&user)?,
                label: hostname(),
                expires_in: None,
                user: user.clone(),
            })
            .await
            .map_err(|error| match error.problem() {
                Some(problem) if problem.status == 401 => Error::user(format!(
                    "cannot log in as {user:?}: invalid user or password"
                )),
                _ => error.into(),
            })?;
        let client = client.with_token(&logged_in.token)?;
        let server = client.version().await?;
        let name = name.unwrap_or(server.controller);
        controller.uuid = server.controller_uuid;
        controller.cloud = server.cloud;
        controller.region = server.region;
        session.files.update(|accounts: &mut Accounts| {
            let account = Account::new(&logged_in.user, logged_in.token);
            accounts.controllers.insert(name.clone(), account);
        })?;
        session.files.update(|controllers: &mut Controllers| {
            controllers.controllers.insert(name.clone(), controller);
            controllers.current = Some(name.clone());
        })?;
        session.say(format!(
            "Welcome, {}. You are now logged into {name:?}.",
            logged_in.user
        ));
        Ok(())
    }

    /// The controller: its name, unless it is for the server to say, and how
    /// to reach it.
    fn place(
        &self,
        session: &Session,
        known: &Controllers,
    ) -> Result<(Option<String>, Controller)> {
        let wanted = session.controller.clone();
        let by_name = |name: &str| known.controllers.get(name).cloned();
        let Some(text) = &self.controller_address else {
            let name = session.controller_name()?;
            let controller = by_name(&name).ok_or_else(|| {
                Error::with_hint(
                    format!("controller {name} not found"),
                    format!("Say where it is: lazuli login https://HOST:17070 -c {name}"),
                )
            })?;
            return Ok((Some(name), controller));
        };
        if let Some(controller) = by_name(text) {
            return Ok((Some(wanted.unwrap_or_else(|| text.clone())), controller));
        }
        let url = address_url(text)?;
        let mut controller = wanted.as_deref().and_then(by_name).unwrap_or_default();
        let address = url.as_str().trim_end_matches('/').to_owned();
        if controller.api_endpoints != [address.clone()] {
            // Another server: what was known of the old one's certificate
            // says nothing of it.
            controller = Controller::default();
        }
        controller.api_endpoints = vec![address];
        Ok((wanted, controller))
    }
}

fn password(user: &str) -> Result<String> {
    let password = match stdin().is_terminal() {
        true => ask::password(&format!("please enter password for {user}: "))?,
        false => ask::read_line()?,
    };
    match password.as_str() {
        "" => Err(Error::user("no password was given")),
        _ => Ok(password),
    }
}

/// What to call the token.
fn hostname() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?;
    Some(format!("lazuli on {}", name.to_string_lossy()))
}
