//! `attach-resource`.

use crate::error::{Error, Result};
use crate::resource_files::{self, Given};
use crate::session::Session;

/// Update a resource for an application
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// The resource and the file that it becomes: NAME=PATH
    #[arg(value_name = "NAME=PATH")]
    resource: String,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let given = resource_files::read(std::slice::from_ref(&self.resource))?;
        let at = session.at_model()?;
        for (name, given) in given {
            let Given::File(path) = given else {
                return Err(Error::with_hint(
                    format!("{:?} names no file", self.resource),
                    format!(
                        "Name a file, such as {name}=./{name}; revisions of the store are taken by refresh."
                    ),
                ));
            };
            let upload = resource_files::send_one(&at.client, &path).await?;
            let changed = at
                .client
                .attach_resource(&self.application, &name, &upload)
                .await?;
            session.say_all(&changed.notices);
        }
        Ok(())
    }
}
