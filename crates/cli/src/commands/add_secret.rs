//! `add-secret` and `update-secret`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lazuli_api::{EntityKind, NewSecret, SecretData, SecretUpdate};
use lazuli_model::secret::check_secret;
use lazuli_model::yaml;

use crate::error::{Error, Result};
use crate::output;
use crate::session::Session;

/// Add a new secret
///
/// A value after key#base64= is base64 already; one after key#file= is the
/// name of a file that holds it.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// The secret's name
    name: String,
    #[command(flatten)]
    content: Content,
    /// The secret description
    #[arg(long, value_name = "TEXT")]
    info: Option<String>,
}

/// Update an existing secret
#[derive(Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// The secret's ID or name
    #[arg(value_name = "ID|NAME")]
    secret: String,
    #[command(flatten)]
    content: Content,
    /// The secret description
    #[arg(long, value_name = "TEXT")]
    info: Option<String>,
    /// The new secret name
    #[arg(long)]
    name: Option<String>,
    /// Whether revisions that no unit reads any more are removed
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    auto_prune: Option<bool>,
}

#[derive(Debug, clap::Args)]
struct Content {
    /// Keys and values: key=value, key#base64=value or key#file=path
    #[arg(value_name = "KEY=VALUE")]
    pairs: Vec<String>,
    /// A YAML file containing secret key values
    #[arg(long)]
    file: Option<PathBuf>,
}

impl AddArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let content = self.content.read()?.ok_or_else(missing)?;
        let new = NewSecret {
            name: self.name,
            description: self.info.unwrap_or_default(),
            content,
        };
        let added = session.at_model()?.client.add_secret(&new).await?;
        let id = added
            .added(EntityKind::Secret)
            .next()
            .ok_or_else(|| Error::Internal("the server did not name the secret".to_owned()))?;
        output::print(&format!("secret:{id}\n"))
    }
}

impl UpdateArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let update = SecretUpdate {
            name: self.name,
            description: self.info,
            auto_prune: self.auto_prune,
            content: self.content.read()?,
        };
        if update == SecretUpdate::default() {
            return Err(missing());
        }
        let at = session.at_model()?;
        at.client.update_secret(&self.secret, &update).await?;
        Ok(())
    }
}

fn missing() -> Error {
    Error::Usage("missing secret value or filename".to_owned())
}

impl Content {
    /// What was given, if anything; arguments win over the file.
    fn read(self) -> Result<Option<SecretData>> {
        let mut data = BTreeMap::new();
        if let Some(path) = &self.file {
            let shown = path.display();
            let text = std::fs::read(path)
                .map_err(|error| Error::user(format!("cannot read {shown}: {error}")))?;
            // What the file says is not repeated.
            let refuse = || {
                Error::user(format!(
                    "cannot read secrets from {shown}: expected a YAML map of texts"
                ))
            };
            let root = yaml::parse_one("secrets", &text).map_err(|_| refuse())?;
            for (key, value) in root.entries().ok_or_else(refuse)? {
                let (key, value) = key.text().zip(value.text()).ok_or_else(refuse)?;
                insert(&mut data, key, value.as_bytes())?;
            }
        }
        for pair in &self.pairs {
            let (key, value) = pair
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| Error::Usage(format!("key value {pair:?} not valid")))?;
            match key.strip_suffix("#file") {
                Some(key) => {
                    let bytes = std::fs::read(value)
                        .map_err(|error| Error::user(format!("cannot read {value}: {error}")))?;
                    insert(&mut data, key, &bytes)?;
                }
                None => insert(&mut data, key, value.as_bytes())?,
            }
        }
        check_secret(&data).map_err(Error::user)?;
        Ok((!data.is_empty()).then_some(SecretData(data)))
    }
}

fn insert(data: &mut BTreeMap<String, String>, key: &str, value: &[u8]) -> Result<()> {
    let (key, value) = match key.strip_suffix("#base64") {
        Some(key) if STANDARD.decode(value).is_ok() => {
            (key, String::from_utf8_lossy(value).into_owned())
        }
        Some(key) => {
            return Err(Error::user(format!(
                "secret value for key {key:?} not valid: it is not base64"
            )));
        }
        None => (key, STANDARD.encode(value)),
    };
    data.insert(key.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(pairs: &[&str]) -> Result<Option<SecretData>> {
        let pairs = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        Content { pairs, file: None }.read()
    }

    #[test]
    fn values_are_texts_base64_or_files() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"\xff\x00").unwrap();
        let from_file = format!("third#file={}", file.path().display());
        let data = content(&["token=a=b", "other#base64=aGk=", &from_file]);
        let expected = [("token", "YT1i"), ("other", "aGk="), ("third", "/wA=")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(data.unwrap(), Some(SecretData(expected.into())));
        assert_eq!(content(&[]).unwrap(), None);
    }

    #[test]
    fn mistakes_are_said_in_jujus_words() {
        for (pair, text) in [
            ("foo", "ERROR key value \"foo\" not valid\n"),
            ("ab=x", "ERROR key \"ab\" not valid\n"),
            (
                "abc#base64=?",
                "ERROR secret value for key \"abc\" not valid: it is not base64\n",
            ),
        ] {
            assert_eq!(content(&[pair]).unwrap_err().report(), text);
        }
    }
}
