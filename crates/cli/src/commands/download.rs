//! `download`.

use std::io::Write as _;
use std::path::PathBuf;

use futures::StreamExt as _;
use lazuli_api::Choice;
use sha2::{Digest as _, Sha256};

use super::info::bare;
use crate::error::{Error, Result};
use crate::session::Session;

/// Download the archive of a charm of the store
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The charm
    charm: String,
    /// The channel
    #[arg(long)]
    channel: Option<String>,
    /// The revision
    #[arg(long)]
    revision: Option<u32>,
    /// The base it has to run on
    #[arg(long)]
    base: Option<String>,
    /// The architecture it has to run on
    #[arg(long)]
    arch: Option<String>,
    /// Where to write it; - for standard output
    #[arg(long, value_name = "FILE")]
    filepath: Option<PathBuf>,
    #[arg(long, hide = true)]
    no_progress: bool,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if let Some(path) = self.filepath.as_ref().filter(|path| path.exists()) {
            return Err(exists(path));
        }
        let name = bare(&self.charm);
        let choice = Choice {
            channel: self.channel.clone(),
            revision: self.revision,
            base: self.base.clone(),
            arch: self.arch.clone(),
        };
        let client = session.at_controller()?.client;
        let (revision, sha256, mut parts) = client.charm_archive(name, &choice).await?;
        let path = self
            .filepath
            .unwrap_or_else(|| PathBuf::from(format!("{name}_r{revision}.charm")));
        session.say(format!("Fetching charm {name:?} revision {revision}"));
        let piped = path.as_os_str() == "-";
        if !piped && path.exists() {
            return Err(exists(&path));
        }
        let failed = || Error::io(format!("write {}", path.display()));
        let directory = match path.parent() {
            Some(parent) if !piped && !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let mut file = match piped {
            true => tempfile::NamedTempFile::new(),
            false => tempfile::NamedTempFile::new_in(directory),
        }
        .map_err(failed())?;
        let mut hash = Sha256::new();
        while let Some(part) = parts.next().await {
            let part = part?;
            hash.update(&part);
            file.write_all(&part).map_err(failed())?;
        }
        let found = hex::encode(hash.finalize());
        if !found.eq_ignore_ascii_case(&sha256) {
            return Err(Error::user(format!(
                "what was downloaded has the sha-256 {found}, not {sha256}: it is not kept"
            )));
        }
        if piped {
            let mut file = file.reopen().map_err(failed())?;
            std::io::copy(&mut file, &mut std::io::stdout().lock()).map_err(failed())?;
            return Ok(());
        }
        file.persist_noclobber(&path)
            .map_err(|error| failed()(error.error))?;
        let shown = match path.is_absolute() {
            true => path.display().to_string(),
            false => format!("./{}", path.display()),
        };
        session.say(format!(
            "Install the {name:?} charm with:\n    lazuli deploy {shown}"
        ));
        Ok(())
    }
}

fn exists(path: &std::path::Path) -> Error {
    Error::user(format!(
        "file {:?} already exists",
        path.display().to_string()
    ))
}
