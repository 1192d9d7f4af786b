//! Files that become resources: `--resource NAME=PATH`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lazuli_api::client::ModelClient;

use crate::arguments;
use crate::error::{Error, Result};
use crate::session::Session;

/// A resource as a command line names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// A file of this machine.
    File(PathBuf),
    /// A revision of the store.
    Revision(u32),
}

/// Reads `NAME=PATH` and `NAME=REVISION` items; a number is a revision unless
/// there is such a file.
pub(crate) fn read(items: &[String]) -> Result<BTreeMap<String, Given>> {
    let pairs = arguments::pairs("resource", items)?;
    pairs
        .into_iter()
        .map(|(name, value)| {
            let path = PathBuf::from(&value);
            let given = match value.parse() {
                Ok(revision) if !path.exists() => Given::Revision(revision),
                _ => Given::File(existing(&name, path)?),
            };
            Ok((name, given))
        })
        .collect()
}

fn existing(name: &str, path: PathBuf) -> Result<PathBuf> {
    match path.is_file() {
        true => Ok(path),
        false => Err(Error::user(format!(
            "file for resource {name:?} could not be found: {}",
            path.display()
        ))),
    }
}

/// Refuses revisions of the store for a charm that is not the store's.
pub(crate) fn only_files(given: &BTreeMap<String, Given>) -> Result<()> {
    match revisions(given).first_key_value() {
        None => Ok(()),
        Some((name, revision)) => Err(Error::with_hint(
            format!("resource {name:?} has no revision {revision}: the charm is not the store's"),
            format!("Name a file, such as {name}=./{name}."),
        )),
    }
}

/// The revisions of the store that are asked for.
pub(crate) fn revisions(given: &BTreeMap<String, Given>) -> BTreeMap<String, u32> {
    given
        .iter()
        .filter_map(|(name, given)| match given {
            Given::Revision(revision) => Some((name.clone(), *revision)),
            Given::File(_) => None,
        })
        .collect()
}

/// The resources that are files.
pub(crate) fn files(given: &BTreeMap<String, Given>) -> Vec<String> {
    let files = given
        .iter()
        .filter(|(_, given)| matches!(given, Given::File(_)));
    files.map(|(name, _)| name.clone()).collect()
}

/// Sends the files and says what each became, by name.
pub(crate) async fn send(
    session: &Session,
    client: &ModelClient,
    given: &BTreeMap<String, Given>,
) -> Result<BTreeMap<String, String>> {
    let mut sent = BTreeMap::new();
    for (name, given) in given {
        if let Given::File(path) = given {
            session.say(format!("Uploading resource {name:?}: {}", path.display()));
            sent.insert(name.clone(), send_one(client, path).await?);
        }
    }
    Ok(sent)
}

/// Sends a file; the id that it is referred to by.
pub(crate) async fn send_one(client: &ModelClient, path: &Path) -> Result<String> {
    let failed = || Error::io(format!("read {}", path.display()));
    let file = tokio::fs::File::open(path).await.map_err(failed())?;
    let size = file.metadata().await.map_err(failed())?.len();
    let name = path.file_name().map(|name| name.to_string_lossy());
    let uploaded = client
        .upload_resource(name.as_deref().unwrap_or_default(), file, size)
        .await?;
    Ok(uploaded.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_revisions_are_told_apart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("site.tar");
        std::fs::write(&path, "x").unwrap();
        let items = [format!("site={}", path.display()), "other=12".to_owned()];
        let given = read(&items).unwrap();
        assert_eq!(given["site"], Given::File(path));
        assert_eq!(revisions(&given), [("other".to_owned(), 12)].into());
        let error = read(&["site=/nonexistent/x".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "file for resource \"site\" could not be found: /nonexistent/x"
        );
        assert!(read(&["site".to_owned()]).is_err());
    }
}
