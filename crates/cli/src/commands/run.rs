//! `run`.

use std::path::PathBuf;
use std::time::Duration;

use lazuli_api::RunAction;
use lazuli_model::names::{ActionName, UnitName};
use lazuli_model::yaml;
use serde_json::{Map, Value};

use crate::arguments;
use crate::error::{Error, Result};
use crate::operation::{self, ResultArgs, WaitArgs};
use crate::session::Session;

/// How long to wait unless told (Juju's number).
const USUAL: Duration = Duration::from_secs(60);

/// Run an action on units
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Units (APP/N or APP/leader), the action, then KEY[.KEY...]=VALUE
    #[arg(required = true, value_name = "UNIT... ACTION [KEY=VALUE]")]
    words: Vec<String>,
    /// Path to a YAML file of parameters
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Use raw string values of parameters
    #[arg(long)]
    string_args: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    show: ResultArgs,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        self.wait.check()?;
        let mut request = parse(&self.words, self.string_args)?;
        if let Some(path) = &self.params {
            // Later ones, of the command line, win.
            let mut parameters: Map<String, Value> =
                arguments::config_file(path, &[])?.into_iter().collect();
            merge(&mut parameters, request.parameters);
            request.parameters = parameters;
        }
        let at = session.at_model()?;
        let asked = at.client.run_action(&request).await?;
        operation::see_through(session, &at.client, &asked, &self.wait, USUAL, &self.show).await
    }
}

/// Units first, then the action, then its parameters.
fn parse(words: &[String], raw: bool) -> Result<RunAction> {
    let mut request = RunAction::default();
    let mut words = words.iter().peekable();
    while let Some(unit) = words.next_if(|word| is_unit(word)) {
        request.units.push(unit.clone());
    }
    if request.units.is_empty() {
        return Err(Error::Usage("no unit specified".to_owned()));
    }
    let action = words
        .next()
        .ok_or_else(|| Error::Usage("no action specified".to_owned()))?;
    if action.parse::<ActionName>().is_err() {
        return Err(Error::Usage(format!(
            "invalid unit or action name {action:?}"
        )));
    }
    request.action.clone_from(action);
    let application = |unit: &str| unit.split_once('/').map(|(name, _)| name.to_owned());
    let first = application(&request.units[0]);
    if request.units.iter().any(|unit| application(unit) != first) {
        return Err(Error::Usage(
            "all units must be of the same application".to_owned(),
        ));
    }
    for word in words {
        let wrong = || {
            Error::Usage(format!(
                "argument {word:?} must be of the form key.key.key...=value"
            ))
        };
        let (key, value) = word.split_once('=').ok_or_else(wrong)?;
        let path: Vec<&str> = key.split('.').collect();
        if path.iter().any(|part| part.is_empty()) {
            return Err(wrong());
        }
        let value = match raw {
            true => Value::String(value.to_owned()),
            false => typed(value)?,
        };
        let nested = path.iter().rev().fold(value, |inner, part| {
            Value::Object([((*part).to_owned(), inner)].into_iter().collect())
        });
        if let Value::Object(nested) = nested {
            merge(&mut request.parameters, nested);
        }
    }
    Ok(request)
}

fn is_unit(word: &str) -> bool {
    word.parse::<UnitName>().is_ok()
        || word
            .strip_suffix("/leader")
            .is_some_and(|name| name.parse::<lazuli_model::names::ApplicationName>().is_ok())
}

/// A value as YAML reads it.
fn typed(text: &str) -> Result<Value> {
    let node = yaml::parse_one("the value", text.as_bytes())
        .map_err(|error| Error::user(error.to_string()))?;
    node.to_json()
        .map_err(|node| Error::user(format!("{} is no value", node.describe())))
}

/// Puts maps into maps; anything else replaces what was there.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn parameters_are_nested_and_typed() {
        let line = "web/0 web/leader backup a.b=1 a.c=yes d=x=y e=";
        let request = parse(&words(line), false).unwrap();
        assert_eq!(request.units, ["web/0", "web/leader"]);
        assert_eq!(request.action, "backup");
        assert_eq!(
            json!(request.parameters),
            json!({ "a": { "b": 1, "c": true }, "d": "x=y", "e": null })
        );
        let request = parse(&words(line), true).unwrap();
        assert_eq!(request.parameters["a"], json!({ "b": "1", "c": "yes" }));
    }

    #[test]
    fn mistakes_are_told_in_jujus_words() {
        for (line, text) in [
            ("backup", "no unit specified"),
            ("web/0", "no action specified"),
            ("web/0 Backup", "invalid unit or action name \"Backup\""),
            (
                "web/0 backup x",
                "argument \"x\" must be of the form key.key.key...=value",
            ),
            (
                "web/0 backup .x=1",
                "argument \".x=1\" must be of the form key.key.key...=value",
            ),
            ("web/0 db/0 go", "all units must be of the same application"),
        ] {
            let error = parse(&words(line), false).unwrap_err();
            assert_eq!((error.exit_code(), error.to_string()), (2, text.to_owned()));
        }
    }
}
