//! `controllers`.

use serde_json::json;

use crate::error::{Error, Result};
use crate::files::{Accounts, Controllers, Models};
use crate::output::ListArgs;
use crate::render::order::sorted;
use crate::render::table::Table;
use crate::session::Session;

/// List the controllers that this client knows
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    show: ListArgs,
    #[arg(long, hide = true)]
    refresh: bool,
    #[arg(long, hide = true)]
    managed: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let controllers: Controllers = session.files.read()?;
        let accounts: Accounts = session.files.read()?;
        let models: Models = session.files.read()?;
        let format = self.show.format.structured();
        if controllers.controllers.is_empty() && format.is_none() {
            return Err(Error::with_hint(
                "no controller is known",
                "Log in to one: lazuli login https://HOST:17070 -u USER",
            ));
        }
        let current = controllers.current.as_deref();
        let mut document = json!({"controllers": {}});
        let mut table = Table::new(&["Controller", "Model", "User", "Cloud/Region"]);
        for (name, controller) in sorted(&controllers.controllers) {
            let user = accounts.controllers.get(name).map(|one| one.user.clone());
            let known = models.controllers.get(name);
            let model = known.and_then(|known| known.current.clone());
            let mark = if current == Some(name) { "*" } else { "" };
            table.row([
                format!("{name}{mark}"),
                model.clone().unwrap_or_else(|| "-".to_owned()),
                user.clone().unwrap_or_else(|| "-".to_owned()),
                match controller.region.as_str() {
                    "" => controller.cloud.clone(),
                    region => format!("{}/{region}", controller.cloud),
                },
            ]);
            let mut entry = json!({
                "uuid": controller.uuid,
                "api-endpoints": controller.api_endpoints,
                "cloud": controller.cloud,
            });
            let optional = [
                ("current-model", model),
                ("user", user),
                ("ca-cert", controller.ca_cert.clone()),
                ("region", Some(controller.region.clone())),
            ];
            for (key, value) in optional {
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    entry[key] = json!(value);
                }
            }
            document["controllers"][name] = entry;
        }
        if let Some(current) = current {
            document["current-controller"] = json!(current);
        }
        let text = match format {
            Some(format) => format.text(&document)?,
            None => table.text(),
        };
        self.show.to.print(&text)
    }
}
