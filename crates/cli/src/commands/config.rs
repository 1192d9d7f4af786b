//! `config`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use lazuli_api::ConfigChange;
use lazuli_model::document::application::ApplicationConfig;
use serde_json::Value;

use crate::arguments;
use crate::error::{Error, Result};
use crate::output::ShowArgs;
use crate::session::Session;

/// Get, set or reset the configuration of an application
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The application
    application: String,
    /// A key to show, or KEY=VALUE or KEY=@FILE to set
    items: Vec<String>,
    /// Keys to go back to their defaults, with commas between
    #[arg(long, value_name = "KEYS")]
    reset: Vec<String>,
    /// Settings from a YAML file
    #[arg(long)]
    file: Option<PathBuf>,
    #[command(flatten)]
    show: ShowArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let name = &self.application;
        let reset = arguments::list(&self.reset);
        let sets = self.items.iter().any(|item| item.contains('='));
        if sets || !reset.is_empty() || self.file.is_some() {
            let mut set = match &self.file {
                Some(path) => arguments::config_file(path, &[name.as_str()])?,
                None => BTreeMap::new(),
            };
            for (key, value) in arguments::pairs("config", &self.items)? {
                set.insert(key, Value::String(arguments::value_text(&value)?));
            }
            let change = ConfigChange { set, reset };
            let changed = at.client.change_application_config(name, &change).await?;
            session.say_all(&changed.notices);
            return Ok(());
        }
        let config = at.client.application_config(name).await?;
        match self.items.as_slice() {
            [] => self.show.print(&config),
            [key] => self.show.to.print(&value(&config, key)?),
            _ => Err(Error::Usage(
                "can only retrieve a single value, or all values".to_owned(),
            )),
        }
    }
}

/// A value alone, with a newline.
fn value(config: &ApplicationConfig, key: &str) -> Result<String> {
    let setting = config
        .settings
        .get(key)
        .or_else(|| config.application_config.get(key))
        .ok_or_else(|| {
            Error::user(format!(
                "key {key:?} not found in {:?} application config or charm settings.",
                config.application
            ))
        })?;
    Ok(bare(setting.value.as_ref().unwrap_or(&Value::Null)))
}

/// A value as a shell wants it, with a newline.
pub(crate) fn bare(value: &Value) -> String {
    match value {
        Value::Null => "\n".to_owned(),
        Value::String(text) => format!("{text}\n"),
        other => format!("{other}\n"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn one_key_is_bare() {
        let config: ApplicationConfig = from_value(json!({
            "application": "a", "charm": "c",
            "settings": {
                "port": {"description": "", "source": "user", "type": "int", "value": 80},
                "name": {"description": "", "source": "unset", "type": "string"},
            },
            "application-config": {
                "trust": {"description": "", "source": "user", "type": "bool", "value": true},
            },
        }))
        .unwrap();
        assert_eq!(value(&config, "port").unwrap(), "80\n");
        assert_eq!(value(&config, "name").unwrap(), "\n");
        assert_eq!(value(&config, "trust").unwrap(), "true\n");
        assert!(value(&config, "x").is_err());
    }
}
