//! `switch`.

use lazuli_api::ModelInfo;

use crate::error::{Error, Result};
use crate::files::{Controllers, Model, Models};
use crate::output::print;
use crate::session::{ModelRef, Session};

/// Select or identify the current controller and model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// CONTROLLER, MODEL, CONTROLLER:MODEL, CONTROLLER: or :MODEL; none: say
    /// what is current
    target: Option<String>,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let before = current(session)?;
        let Some(target) = &self.target else {
            return match before {
                Some(name) => print(&format!("{name}\n")),
                None => Err(Error::user("no controller is selected")),
            };
        };
        let controllers: Controllers = session.files.read()?;
        let mut wanted = ModelRef::parse(target);
        if !target.contains(':') && controllers.controllers.contains_key(target) {
            wanted = ModelRef {
                controller: Some(target.clone()),
                model: None,
            };
        }
        let controller = match &wanted.controller {
            Some(controller) => controller.clone(),
            None => session.controller_name()?,
        };
        if let Some(name) = &wanted.model {
            let client = session.at_named_controller(controller.clone())?.client;
            let model = client.model(name).info().await?;
            select(session, &controller, &model)?;
        } else if !controllers.controllers.contains_key(&controller) {
            return Err(Error::user(format!("controller {controller} not found")));
        }
        session
            .files
            .update(|controllers: &mut Controllers| controllers.current = Some(controller))?;
        let after = current(session)?.unwrap_or_default();
        let before = before.unwrap_or_default();
        match before == after {
            true => session.say(format!("{after} (no change)")),
            false => session.say(format!("{before} -> {after}")),
        }
        Ok(())
    }
}

/// Makes a model the current one of a controller.
pub(crate) fn select(session: &Session, controller: &str, model: &ModelInfo) -> Result<()> {
    let full = format!("{}/{}", model.owner, model.name);
    session.files.update(|models: &mut Models| {
        let known = models.controllers.entry(controller.to_owned()).or_default();
        known.models.insert(full.clone(), Model::new(&model.uuid));
        known.current = Some(full);
    })
}

/// What is current, as Juju says it.
fn current(session: &Session) -> Result<Option<String>> {
    let controllers: Controllers = session.files.read()?;
    let Some(controller) = controllers.current else {
        return Ok(None);
    };
    Ok(Some(match session.current_model(&controller)? {
        Some(model) => format!("{controller}:{model}"),
        None => format!("{controller} (controller)"),
    }))
}
