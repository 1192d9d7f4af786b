//! Arguments of the form `key=value`, and files of settings.

use std::collections::BTreeMap;
use std::path::Path;

use lazuli_model::yaml;
use serde_json::Value;

use crate::error::{Error, Result};

/// Bytes of a value or of a file of settings at most.
const LARGEST: u64 = 5 << 20;

/// Settings by key.
pub(crate) type Settings = BTreeMap<String, Value>;

/// Settings of `--config`, later ones over earlier: `key=value`,
/// `key=@file`, or a YAML file, which may hold them under the name of the
/// application.
pub(crate) fn config(items: &[String], names: &[&str]) -> Result<Settings> {
    let mut settings = Settings::new();
    for item in items {
        match pair(item) {
            Some((key, value)) => {
                settings.insert(key.to_owned(), Value::String(value_text(value)?));
            }
            None => settings.extend(config_file(Path::new(item), names)?),
        }
    }
    Ok(settings)
}

/// A value of `key=value`; `@file` stands for what the file holds.
pub(crate) fn value_text(value: &str) -> Result<String> {
    match value.strip_prefix('@') {
        Some(path) => read_text(Path::new(path)),
        None => Ok(value.to_owned()),
    }
}

/// The settings of a YAML file: those below one of the names if there are
/// such, else all.
pub(crate) fn config_file(path: &Path, names: &[&str]) -> Result<Settings> {
    let text = read_text(path)?;
    let name = path.display().to_string();
    let wrong = |reason: String| Error::user(reason);
    let root = yaml::parse_one(&name, text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    if root.is_null() {
        return Ok(Settings::new());
    }
    let below = names.iter().find_map(|name| root.get(name));
    let node = below
        .filter(|node| node.entries().is_some())
        .unwrap_or(&root);
    let entries = node.entries().ok_or_else(|| {
        wrong(format!(
            "{name} holds no settings: it is {}",
            node.describe()
        ))
    })?;
    entries
        .iter()
        .map(|(key, value)| {
            let json = value
                .to_json()
                .map_err(|node| wrong(format!("{name}: {} is no value", node.describe())))?;
            Ok((key.key().to_owned(), json))
        })
        .collect()
}

/// `space endpoint=space ...` as a map; the bare space is that of the rest.
pub(crate) fn bindings(text: &str) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for word in text.split_whitespace() {
        let (endpoint, space) = word.split_once('=').unwrap_or(("", word));
        if found
            .insert(endpoint.to_owned(), space.to_owned())
            .is_some()
        {
            return Err(Error::Usage(format!(
                "{text:?} binds {} twice",
                match endpoint {
                    "" => "the default".to_owned(),
                    endpoint => format!("endpoint {endpoint:?}"),
                }
            )));
        }
    }
    Ok(found)
}

/// `key=value` items as a map.
pub(crate) fn pairs(what: &str, items: &[String]) -> Result<BTreeMap<String, String>> {
    items
        .iter()
        .map(|item| {
            let (key, value) = pair(item).ok_or_else(|| {
                Error::Usage(format!(
                    "expected \"{what}\" as <name>=<value>, got {item:?}"
                ))
            })?;
            Ok((key.to_owned(), value.to_owned()))
        })
        .collect()
}

/// The items of lists that have commas between and may be repeated.
pub(crate) fn list(items: &[String]) -> Vec<String> {
    let parts = items.iter().flat_map(|item| item.split(','));
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

fn pair(item: &str) -> Option<(&str, &str)> {
    item.split_once('=')
        .filter(|(key, _)| !key.is_empty() && !key.contains('/') && !key.starts_with('.'))
}

fn read_text(path: &Path) -> Result<String> {
    let failed = format!("read {}", path.display());
    let size = std::fs::metadata(path).map_err(Error::io(failed.clone()))?;
    if size.len() > LARGEST {
        return Err(Error::user(format!(
            "{} has {} bytes, at most {LARGEST} are taken",
            path.display(),
            size.len()
        )));
    }
    std::fs::read_to_string(path).map_err(Error::io(failed))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn later_settings_win_and_files_may_name_the_application() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.yaml");
        std::fs::write(&file, "app:\n  port: 80\n  name: x\n").unwrap();
        let text = directory.path().join("text");
        std::fs::write(&text, "hello\n").unwrap();
        let items = [
            "port=1".to_owned(),
            file.display().to_string(),
            "name=y=z".to_owned(),
            format!("motd=@{}", text.display()),
        ];
        let settings = config(&items, &["app"]).unwrap();
        let expected = json!({"port": 80, "name": "y=z", "motd": "hello\n"});
        assert_eq!(json!(settings), expected);
        let flat = config_file(&file, &["other"]).unwrap();
        assert_eq!(json!(flat), json!({"app": {"port": 80, "name": "x"}}));
    }

    #[test]
    fn bindings_have_a_default() {
        let found = bindings("alpha db=beta").unwrap();
        assert_eq!(json!(found), json!({"": "alpha", "db": "beta"}));
        assert!(bindings("a b").is_err());
    }

    #[test]
    fn lists_have_commas_or_repeat() {
        let items = ["a,b".to_owned(), "c, ".to_owned()];
        assert_eq!(list(&items), ["a", "b", "c"]);
    }
}
