//! `remove-unit`.

use lazuli_api::Removal;
use lazuli_model::document::status::Status;

use crate::error::{Error, Result};
use crate::removal::RemovalArgs;
use crate::render::order::natural;
use crate::session::Session;

/// Remove units
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The units; with --num-units, the application
    #[arg(required = true)]
    units: Vec<String>,
    /// Remove so many units of the application, the newest first
    #[arg(long, value_name = "N")]
    num_units: Option<usize>,
    /// Destroy storage attached to the units
    #[arg(long)]
    destroy_storage: bool,
    #[command(flatten)]
    how: RemovalArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let units = match (self.num_units, self.units.as_slice()) {
            (None, units) => {
                if let Some(name) = units.iter().find(|name| !name.contains('/')) {
                    return Err(Error::with_hint(
                        format!("{name:?} is no unit"),
                        format!(
                            "Name units, such as {name}/0, or say how many of the application: \
                             --num-units 1"
                        ),
                    ));
                }
                units.to_vec()
            }
            (Some(count), [application]) if !application.contains('/') => {
                newest(&at.client.status().await?, application, count)?
            }
            (Some(_), _) => {
                return Err(Error::Usage(
                    "--num-units is used with the name of one application".to_owned(),
                ));
            }
        };
        let how = Removal {
            destroy_storage: self.destroy_storage,
            ..self.how.removal()
        };
        let remove = async |name: &str, how: &Removal| at.client.remove_unit(name, how).await;
        self.how.carry_out(session, &units, how, remove).await
    }
}

/// The newest units of an application.
fn newest(status: &Status, name: &str, count: usize) -> Result<Vec<String>> {
    let application = status
        .applications
        .get(name)
        .ok_or_else(|| Error::user(format!("application {name:?} not found")))?;
    let mut units: Vec<String> = application.units.keys().cloned().collect();
    if units.len() < count {
        return Err(Error::user(format!(
            "application {name:?} has {} unit(s), fewer than {count}",
            units.len()
        )));
    }
    units.sort_by(|one, other| natural(other, one));
    units.truncate(count);
    Ok(units)
}

#[cfg(test)]
mod tests {
    use crate::render::status::tests::sample;

    use super::*;

    #[test]
    fn the_newest_units_go_first() {
        assert_eq!(newest(&sample(), "webapp", 1).unwrap(), ["webapp/10"]);
        assert!(newest(&sample(), "webapp", 3).is_err());
        assert!(newest(&sample(), "no", 1).is_err());
    }
}
