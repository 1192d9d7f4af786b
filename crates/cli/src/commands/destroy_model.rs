//! `destroy-model`.

use std::time::Duration;

use lazuli_api::{ModelInfo, Removal};
use tokio::time::{Instant, sleep};

use crate::ask;
use crate::duration;
use crate::error::{Error, Result};
use crate::files::Models;
use crate::patience::Patience;
use crate::session::{ModelRef, Session};

/// How often to look whether the model is gone.
const POLL: Duration = Duration::from_millis(250);

/// Terminate all machines and resources of a model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The model: [controller:][owner/]name
    name: String,
    /// Do not ask for confirmation
    #[arg(long)]
    no_prompt: bool,
    /// Force destruction, ignoring any errors
    #[arg(long)]
    force: bool,
    /// Rush through without waiting for each individual step to complete
    #[arg(long)]
    no_wait: bool,
    /// Destroy all storage instances in the model
    #[arg(long, conflicts_with = "release_storage")]
    destroy_storage: bool,
    /// Release all storage instances from the model, without destroying them
    #[arg(long)]
    release_storage: bool,
    /// Wait so long for the model to be gone
    #[arg(short, long, value_parser = duration::parse)]
    timeout: Option<Duration>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_named_model(&ModelRef::parse(&self.name))?;
        let info = at.client.info().await?;
        if !self.no_prompt {
            confirm(&info)?;
        }
        session.say("Destroying model");
        let removed = at
            .client
            .destroy(&Removal {
                dry_run: false,
                force: self.force,
                destroy_storage: self.destroy_storage,
                release_storage: self.release_storage,
                keep_instance: false,
            })
            .await;
        match removed.map_err(Error::from) {
            Err(error) if error.is_not_found() => {}
            other => {
                other?;
            }
        }
        // By its id: the name may be taken again while we wait.
        let client = at.controller.client.model(&info.uuid);
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        let mut told = String::new();
        let mut patience = Patience::default();
        loop {
            match client.info().await.map_err(Error::from) {
                Err(error) if error.is_not_found() => break,
                Err(error) => patience.after(session, error).await?,
                Ok(info) => {
                    patience.restore();
                    let left = left(&info);
                    if left != told {
                        session.say(&left);
                        told = left;
                    }
                }
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(Error::with_hint(
                    "timed out waiting for the model to be removed",
                    "It is still being removed: see \"lazuli models\".",
                ));
            }
            sleep(POLL).await;
        }
        forget(session, &at.controller.name, &info.uuid)?;
        session.say("Model destroyed.");
        Ok(())
    }
}

fn confirm(info: &ModelInfo) -> Result<()> {
    let answer = ask::line(&format!(
        "WARNING! This command will destroy the {name:?} model, with {machines} machine(s), \
         {applications} application(s) and {units} unit(s), and all data and other resources in \
         it.\n\nTo continue, enter the name of the model to be destroyed: ",
        name = info.name,
        machines = info.machines.len(),
        applications = info.applications,
        units = info.units,
    ))?;
    let full = format!("{}/{}", info.owner, info.name);
    match answer.trim() {
        given if given == info.name || given == full => Ok(()),
        _ => Err(Error::user("destroying model: aborted")),
    }
}

/// What is still there.
fn left(info: &ModelInfo) -> String {
    let mut counts = Vec::new();
    for (count, what) in [
        (info.machines.len(), "machine(s)"),
        (info.applications as usize, "application(s)"),
        (info.units as usize, "unit(s)"),
    ] {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    }
    match counts.is_empty() {
        true => "Waiting for model to be removed...".to_owned(),
        false => format!("Waiting for model to be removed, {}...", counts.join(", ")),
    }
}

fn forget(session: &Session, controller: &str, uuid: &str) -> Result<()> {
    session.files.update(|models: &mut Models| {
        let Some(known) = models.controllers.get_mut(controller) else {
            return;
        };
        let gone = known.models.iter().find(|(_, model)| model.uuid == uuid);
        let Some(name) = gone.map(|(name, _)| name.clone()) else {
            return;
        };
        known.models.remove(&name);
        if known.current.as_ref() == Some(&name) {
            known.current = None;
        }
    })
}
