//! `add-model`.

use lazuli_api::NewModel;

use super::switch::select;
use crate::arguments;
use crate::error::{Error, Result};
use crate::files::{Model, Models};
use crate::session::Session;
use crate::ssh_keys::public_keys;

/// Add a model
///
/// The user's SSH keys may log in to its machines.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of the model
    name: String,
    /// Where: CLOUD, REGION or CLOUD/REGION
    place: Option<String>,
    /// A setting of the model: KEY=VALUE, or a YAML file of them
    #[arg(long, value_name = "KEY=VALUE")]
    config: Vec<String>,
    /// Owner of the model, if it is not the user
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Do not switch to the new model
    #[arg(long)]
    no_switch: bool,
    #[arg(long, hide = true)]
    credential: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_controller()?;
        if self.credential.is_some() {
            session.say("--credential is ignored: the controller has the cloud's credential");
        }
        let (cloud, region) = match &self.place {
            None => (None, None),
            Some(place) => match place.split_once('/') {
                Some((cloud, region)) => (Some(cloud.to_owned()), Some(region.to_owned())),
                None => {
                    let server = at.client.version().await?;
                    match *place == server.cloud {
                        true => (Some(place.clone()), None),
                        false => (None, Some(place.clone())),
                    }
                }
            },
        };
        if self.name.is_empty() {
            return Err(Error::Usage("the model's name is missing".to_owned()));
        }
        let added = at
            .client
            .add_model(&NewModel {
                name: self.name,
                owner: self.owner,
                cloud,
                region,
                config: arguments::config(&self.config, &[])?,
                constraints: None,
                authorized_keys: public_keys(&session.files)?,
            })
            .await?;
        session.say_all(&added.notices);
        let model = added.model;
        match self.no_switch {
            true => session.files.update(|models: &mut Models| {
                let full = format!("{}/{}", model.owner, model.name);
                let known = models.controllers.entry(at.name.clone()).or_default();
                known.models.insert(full, Model::new(&model.uuid));
            })?,
            false => select(session, &at.name, &model)?,
        }
        session.say(format!(
            "Added '{}' model on {}/{} for user '{}'",
            model.name, model.cloud, model.region, model.owner
        ));
        Ok(())
    }
}
