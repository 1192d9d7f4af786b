//! `model-config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lazuli_api::{ModelConfigChange, ModelConfigValue};
use serde_json::Value;

use super::config::bare;
use crate::arguments;
use crate::error::{Error, Result};
use crate::output::ListArgs;
use crate::render::order::sorted;
use crate::render::table::Table;
use crate::session::Session;

/// Show or change the configuration of a model
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A key to show, or KEY=VALUE to set
    items: Vec<String>,
    /// Keys to go back to their defaults, with commas between
    #[arg(long, value_name = "KEYS")]
    reset: Vec<String>,
    /// Settings from a YAML file
    #[arg(long)]
    file: Option<PathBuf>,
    #[command(flatten)]
    show: ListArgs,
    #[arg(long, hide = true)]
    ignore_read_only_fields: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let reset = arguments::list(&self.reset);
        let sets = self.items.iter().any(|item| item.contains('='));
        if sets || !reset.is_empty() || self.file.is_some() {
            let mut set = match &self.file {
                Some(path) => arguments::config_file(path, &[])?,
                None => BTreeMap::new(),
            };
            for (key, value) in arguments::pairs("model-config", &self.items)? {
                set.insert(key, Value::String(arguments::value_text(&value)?));
            }
            let change = ModelConfigChange { set, reset };
            let changed = at.client.change_config(&change).await?;
            session.say_all(&changed.notices);
            return Ok(());
        }
        let mut config = at.client.config().await?.config;
        let format = self.show.format.structured();
        match self.items.as_slice() {
            [] => {}
            [key] => {
                let value = config.remove(key).ok_or_else(|| {
                    Error::user(format!("key {key:?} not found in {:?} model.", at.name))
                })?;
                let text = match format {
                    Some(format) => format.text(&value.value)?,
                    None => bare(&value.value),
                };
                return self.show.to.print(&text);
            }
            _ => {
                return Err(Error::Usage(
                    "can only retrieve a single value, or all values".to_owned(),
                ));
            }
        }
        let text = match format {
            Some(format) => format.text(&config)?,
            None => table(&config),
        };
        self.show.to.print(&text)
    }
}

fn table(config: &BTreeMap<String, ModelConfigValue>) -> String {
    let mut table = Table::new(&["Attribute", "From", "Value"]);
    for (key, setting) in sorted(config) {
        let value = match &setting.value {
            Value::String(text) if text.is_empty() => "\"\"".to_owned(),
            value => bare(value).trim_end().to_owned(),
        };
        table.row([key.to_owned(), setting.source.clone(), value]);
    }
    table.text()
}
