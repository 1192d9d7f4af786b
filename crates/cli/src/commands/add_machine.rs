//! `add-machine`.

use std::path::PathBuf;

use lazuli_api::{AddMachines, EntityKind, ManualHost};

use crate::ask;
use crate::error::{Error, Result};
use crate::manual_host::{Entry, Host, Keys};
use crate::session::{AtModel, Session};
use crate::ssh_keys::fingerprint;

/// Add machines, or one that exists
///
/// A machine that exists is named as ssh:[USER@]HOST[:PORT]. Its ed25519 host
/// key is taken from your known_hosts, or shown for you to confirm. Then your
/// own ssh logs in to it and lets the model's key in; with --host-key nothing
/// is asked of the machine from here, and its authorized_keys are yours to
/// fill with what "lazuli ssh-keys --full" prints.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where: zone=1, or ssh:[USER@]HOST[:PORT] for a machine that exists
    place: Option<String>,
    /// Number of machines to add
    #[arg(short = 'n', value_name = "N", default_value_t = 1)]
    count: u32,
    /// Constraints of the machines
    #[arg(long, value_name = "CONSTRAINTS")]
    constraints: Vec<String>,
    /// The base of the machines, such as ubuntu@24.04
    #[arg(long)]
    base: Option<String>,
    /// The host key of a machine that exists, in OpenSSH's one-line form
    #[arg(long, value_name = "KEY")]
    host_key: Vec<String>,
    /// Take the host key that a machine shows without asking
    #[arg(long)]
    no_prompt: bool,
    /// Your key to log in to a machine that exists with
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Another key to let in to a machine that exists
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    #[arg(long, hide = true, conflicts_with = "base")]
    series: Option<String>,
    #[arg(long, hide = true)]
    disks: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if self.disks.is_some() {
            return Err(Error::user(
                "--disks cannot be used: this version of lazuli adds no disks",
            ));
        }
        let at = session.at_model()?;
        let place = self.place.as_deref();
        let mut request = AddMachines {
            count: self.count,
            constraints: match self.constraints.is_empty() {
                true => None,
                false => Some(self.constraints.join(" ")),
            },
            base: self.base.clone().or_else(|| self.series.clone()),
            placement: None,
            manual: None,
        };
        let mut is_let_in = false;
        match place.and_then(|place| place.strip_prefix("ssh:")) {
            None => request.placement.clone_from(&self.place),
            Some(target) => {
                let host = Host::find(target)?;
                let host_keys = self.host_keys(session, &host)?;
                request.manual = Some(ManualHost {
                    user: host.user.clone(),
                    host: host.address.to_string(),
                    port: host.port,
                    host_keys: host_keys.clone(),
                });
                if self.host_key.is_empty() {
                    // Nothing is done to a host that would be refused.
                    at.client
                        .clone()
                        .dry_run(true)
                        .add_machines(&request)
                        .await?;
                    is_let_in = self.let_in(session, &at, &host, &host_keys).await?;
                }
            }
        }
        let changed = at.client.add_machines(&request).await?;
        for name in changed.added(EntityKind::Machine) {
            session.say(format!("created machine {name}"));
        }
        if !is_let_in {
            session.say_all(&changed.notices);
        }
        Ok(())
    }

    /// The keys by which a host is known: given, known, or confirmed.
    fn host_keys(&self, session: &Session, host: &Host) -> Result<Vec<String>> {
        if !self.host_key.is_empty() {
            return Ok(self.host_key.clone());
        }
        let keys = host.keys()?;
        let prints: Vec<String> = keys
            .lines()
            .iter()
            .filter_map(|key| fingerprint(key))
            .collect();
        let prints = prints.join(", ");
        match keys {
            Keys::Known(keys) => {
                session.say(format!("{} is known by its host key {prints}", host.name));
                Ok(keys)
            }
            Keys::Shown(keys) => {
                session.say(format!(
                    "{} is not in your known_hosts. It shows the host key {prints}",
                    host.name
                ));
                match (self.no_prompt, session.may_ask()) {
                    (true, _) => session.say("It is taken as it is, because of --no-prompt."),
                    (false, true) => ask::yes("Is this the right one")?,
                    (false, false) => {
                        return Err(Error::with_hint(
                            "nobody is there to confirm the host key",
                            "Give it with --host-key, put it into your known_hosts, or take what \
                             is shown with --no-prompt.",
                        ));
                    }
                }
                Ok(keys)
            }
        }
    }

    /// Lets the model in to a host; says so if it cannot be done from here.
    async fn let_in(
        &self,
        session: &Session,
        at: &AtModel,
        host: &Host,
        host_keys: &[String],
    ) -> Result<bool> {
        let known = at.client.ssh_keys().await?;
        let mut keys = vec![known.model_key];
        keys.extend(known.keys);
        if let Some(path) = &self.public_key {
            let text = std::fs::read_to_string(path)
                .map_err(Error::io(format!("read {}", path.display())))?;
            keys.push(text.trim().to_owned());
        }
        let ask = session.may_ask() && !self.no_prompt;
        match host.let_in(&keys, host_keys, self.private_key.as_deref(), ask)? {
            Entry::Open => {
                session.say(format!(
                    "The model's SSH key may log in to {} as {}.",
                    host.name, host.user
                ));
                Ok(true)
            }
            Entry::Closed(why) => {
                session.say(format!(
                    "Your own ssh cannot log in to {} as {} to let the model in: {why}",
                    host.name, host.user
                ));
                Ok(false)
            }
            Entry::Stranger => Err(Error::with_hint(
                format!(
                    "{} shows another host key than the one it is known by; nothing was sent to it",
                    host.name
                ),
                format!(
                    "If it was set up anew, forget the old key: ssh-keygen -R {}",
                    host.known_as()
                ),
            )),
            Entry::NoSudo => Err(Error::with_hint(
                format!(
                    "{} may not use sudo without a password on {}",
                    host.user, host.name
                ),
                format!(
                    "Allow it there: echo '{user} ALL=(ALL) NOPASSWD:ALL' | sudo tee \
                     /etc/sudoers.d/90-lazuli",
                    user = host.user
                ),
            )),
        }
    }
}
