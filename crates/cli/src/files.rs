//! The client's files, in the shape of Juju's: controllers, accounts, models.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use lazuli_model::yaml;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};

/// What this program does not know of a file, kept when it is written.
type Rest = BTreeMap<String, Value>;

/// `controllers.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Controllers {
    /// By name.
    #[serde(default)]
    pub(crate) controllers: BTreeMap<String, Controller>,
    /// The one that commands are for unless they say otherwise.
    #[serde(
        rename = "current-controller",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) current: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

/// A controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Controller {
    /// Its id.
    #[serde(default)]
    pub(crate) uuid: String,
    /// Where to reach it: urls.
    #[serde(default)]
    pub(crate) api_endpoints: Vec<String>,
    /// Who signs its certificate (PEM), when the system does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_cert: Option<String>,
    /// The only certificate to take: hex sha-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    /// Its cloud.
    #[serde(default)]
    pub(crate) cloud: String,
    /// Its region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) region: String,
    #[serde(flatten)]
    rest: Rest,
}

/// `accounts.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    /// By controller.
    #[serde(default)]
    pub(crate) controllers: BTreeMap<String, Account>,
    #[serde(flatten)]
    rest: Rest,
}

/// A login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// The user.
    pub(crate) user: String,
    /// What proves it; none after a logout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

/// `models.yaml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Models {
    /// By controller.
    #[serde(default)]
    pub(crate) controllers: BTreeMap<String, ControllerModels>,
    #[serde(flatten)]
    rest: Rest,
}

/// The models of a controller that this client knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ControllerModels {
    /// By `owner/name`.
    #[serde(default)]
    pub(crate) models: BTreeMap<String, Model>,
    /// The one that commands are for unless they say otherwise.
    #[serde(
        rename = "current-model",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) current: Option<String>,
    #[serde(flatten)]
    rest: Rest,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    /// Its id.
    pub(crate) uuid: String,
    /// `iaas`.
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(flatten)]
    rest: Rest,
}

impl Account {
    /// A login with a token.
    pub(crate) fn new(user: &str, token: String) -> Self {
        Self {
            user: user.to_owned(),
            token: Some(token),
            rest: Rest::new(),
        }
    }
}

impl Model {
    /// A model with machines.
    pub(crate) fn new(uuid: &str) -> Self {
        Self {
            uuid: uuid.to_owned(),
            kind: "iaas".to_owned(),
            rest: Rest::new(),
        }
    }
}

/// A file, by what is in it.
pub(crate) trait Kept: Serialize + DeserializeOwned + Default {
    /// Its name.
    const NAME: &str;
}

impl Kept for Controllers {
    const NAME: &str = "controllers.yaml";
}

impl Kept for Accounts {
    const NAME: &str = "accounts.yaml";
}

impl Kept for Models {
    const NAME: &str = "models.yaml";
}

/// The directory of the client's files.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    /// The files below a directory, which need not exist.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The user's: `$LAZULI_DATA`, `$JUJU_DATA`, or below the home.
    pub(crate) fn of_user(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if let Some(directory) = set("LAZULI_DATA").or_else(|| set("JUJU_DATA")) {
            return Ok(Self::new(directory));
        }
        if let Some(data) = set("XDG_DATA_HOME") {
            return Ok(Self::new(Path::new(&data).join("lazuli")));
        }
        let home = set("HOME").ok_or_else(|| {
            Error::with_hint(
                "there is no home directory for the client's files",
                "Set LAZULI_DATA to a directory.",
            )
        })?;
        Ok(Self::new(Path::new(&home).join(".local/share/lazuli")))
    }

    /// A path below the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What a file says; the default when there is none.
    pub(crate) fn read<T: Kept>(&self) -> Result<T> {
        let path = self.path(T::NAME);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
            other => other.map_err(Error::io(format!("read {}", path.display())))?,
        };
        let name = path.display().to_string();
        yaml::parse_one(&name, &text)
            .and_then(|node| match node.is_null() {
                true => Ok(T::default()),
                false => yaml::typed(&name, &node),
            })
            .map_err(|error| {
                Error::with_hint(
                    error.to_string(),
                    "Mend the file, or move it away and log in again.",
                )
            })
    }

    /// Changes a file; concurrent changes wait for each other.
    pub(crate) fn update<T: Kept>(&self, change: impl FnOnce(&mut T)) -> Result<()> {
        self.make_directory("")?;
        let lock = self.path(".lock");
        let lock = File::create(&lock)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(Error::io(format!("lock {}", lock.display())))?;
        let mut content: T = self.read()?;
        change(&mut content);
        let text = yaml::write(&content).map_err(|error| Error::Internal(error.to_string()))?;
        self.replace(T::NAME, text.as_bytes())?;
        drop(lock);
        Ok(())
    }

    /// Makes a directory below, for the user only.
    pub(crate) fn make_directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .map_err(Error::io(format!("make {}", path.display())))?;
        Ok(path)
    }

    /// Puts a file in place at once, for the user's eyes only.
    fn replace(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path(name);
        let written = tempfile::NamedTempFile::new_in(&self.directory).and_then(|mut file| {
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        });
        written
            .map(drop)
            .map_err(Error::io(format!("write {}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_read_back_what_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::new(directory.path().join("data"));
        assert_eq!(files.read::<Controllers>().unwrap(), Controllers::default());
        files
            .update(|accounts: &mut Accounts| {
                let account = Account::new("admin", "secret".to_owned());
                accounts.controllers.insert("dev".to_owned(), account);
            })
            .unwrap();
        files
            .update(|models: &mut Models| {
                let known = models.controllers.entry("dev".to_owned()).or_default();
                known
                    .models
                    .insert("admin/m".to_owned(), Model::new("some-uuid"));
                known.current = Some("admin/m".to_owned());
            })
            .unwrap();
        let accounts: Accounts = files.read().unwrap();
        assert_eq!(accounts.controllers["dev"].token.as_deref(), Some("secret"));
        let text = fs::read_to_string(files.path("models.yaml")).unwrap();
        assert_eq!(
            text,
            "controllers:\n  dev:\n    models:\n      admin/m:\n        uuid: some-uuid\n        \
             type: iaas\n    current-model: admin/m\n"
        );
        let mode = fs::metadata(files.path("accounts.yaml"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_others_wrote_stays() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::new(directory.path());
        let text = "controllers:\n  old:\n    uuid: u\n    api-endpoints: [\"https://a:1\"]\n    \
                    cloud: azure\n    agent-version: 3.6.8\n    machine-count: 2\n";
        fs::write(files.path("controllers.yaml"), text).unwrap();
        files
            .update(|controllers: &mut Controllers| controllers.current = Some("old".to_owned()))
            .unwrap();
        let text = fs::read_to_string(files.path("controllers.yaml")).unwrap();
        assert!(text.contains("agent-version: 3.6.8"), "{text}");
        assert!(text.contains("machine-count: 2"), "{text}");
        assert!(text.contains("current-controller: old"), "{text}");
    }

    #[test]
    fn the_directory_is_lazulis_then_jujus_then_the_homes() {
        let of = |set: &'static [(&str, &str)]| {
            let variable = |name: &str| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            Files::of_user(variable).map(|files| files.directory)
        };
        let all = &[("LAZULI_DATA", "/l"), ("JUJU_DATA", "/j"), ("HOME", "/h")];
        assert_eq!(of(all).unwrap(), Path::new("/l"));
        assert_eq!(of(&all[1..]).unwrap(), Path::new("/j"));
        assert_eq!(of(&all[2..]).unwrap(), Path::new("/h/.local/share/lazuli"));
        assert!(of(&[("HOME", "")]).is_err());
    }
}
