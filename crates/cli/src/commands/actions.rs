//! `actions` and `show-action`.

use std::collections::BTreeMap;

use lazuli_api::ActionInfo;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::output::{OutputArgs, Structured, print};
use crate::render::table::Table;
use crate::session::Session;

/// The formats of `actions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table, or YAML of schemas.
    Default,
    /// A table.
    Tabular,
    /// YAML.
    Yaml,
    /// JSON in one line.
    Json,
}

/// List the actions of an application
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The application
    application: String,
    /// Display the full action schema
    #[arg(long)]
    schema: bool,
    /// Specify output format
    #[arg(long, value_enum, default_value = "default")]
    format: Format,
    #[command(flatten)]
    to: OutputArgs,
}

impl ListArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if self.schema && self.format == Format::Tabular {
            return Err(Error::Usage(
                "full schema not compatible with tabular output".to_owned(),
            ));
        }
        let at = session.at_model()?;
        let actions = at.client.actions(&self.application).await?.actions;
        let structured = match self.format {
            Format::Yaml => Some(Structured::Yaml),
            Format::Json => Some(Structured::Json),
            Format::Default if self.schema => Some(Structured::Yaml),
            Format::Default | Format::Tabular => None,
        };
        let text = match structured {
            Some(format) => {
                let shown = |action: &ActionInfo| match self.schema {
                    true => action.schema.clone(),
                    false => Value::String(action.description.clone()),
                };
                let shown: BTreeMap<&String, Value> = actions
                    .iter()
                    .map(|(name, action)| (name, shown(action)))
                    .collect();
                format.text(&shown)?
            }
            None if actions.is_empty() => {
                session.say(format!("No actions defined for {}.", self.application));
                return Ok(());
            }
            None => table(&actions),
        };
        self.to.print(&text)
    }
}

fn table(actions: &BTreeMap<String, ActionInfo>) -> String {
    let mut table = Table::new(&["Action", "Description"]);
    for (name, action) in actions {
        // The first line says enough in a list.
        let line = action.description.trim().lines().next();
        table.row([name.clone(), line.unwrap_or_default().to_owned()]);
    }
    table.text()
}

/// Show what an action does, and its arguments
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The application
    application: String,
    /// The action
    action: String,
}

impl ShowArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let actions = at.client.actions(&self.application).await?.actions;
        let action = actions.get(&self.action).ok_or_else(|| {
            let names: Vec<&str> = actions.keys().map(String::as_str).collect();
            Error::with_hint(
                format!("unknown action {:?}", self.action),
                match names.as_slice() {
                    [] => format!("{} has no actions.", self.application),
                    names => format!("{} has: {}.", self.application, names.join(", ")),
                },
            )
        })?;
        print(&shown(action)?)
    }
}

fn shown(action: &ActionInfo) -> Result<String> {
    let mut text = format!("{}\n", action.description.trim_end());
    let properties = action.schema.get("properties").and_then(Value::as_object);
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        text.push_str("\nArguments\n");
        text.push_str(&Structured::Yaml.text(properties)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_is_shown_with_its_arguments() {
        let action = ActionInfo {
            description: "Saves.\nAll of it.\n".to_owned(),
            parallel: false,
            execution_group: String::new(),
            schema: json!({ "properties": { "file": { "type": "string" } } }),
        };
        assert_eq!(
            shown(&action).unwrap(),
            "Saves.\nAll of it.\n\nArguments\nfile:\n  type: string\n"
        );
        let actions = [("save".to_owned(), action)].into();
        assert_eq!(table(&actions), "Action  Description\nsave    Saves.\n");
    }
}
