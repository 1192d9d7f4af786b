//! The machine-side program: put on a machine once per version, by its hash.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::client::Connection;
use crate::error::HostError;

/// Uploads have this long.
const UPLOAD: Duration = Duration::from_secs(600);
/// Chunks of an upload.
const CHUNK: usize = 32 * 1024;

/// The programs by architecture (`uname -m`), read once.
#[derive(Debug)]
pub(crate) struct Runners {
    programs: BTreeMap<String, (PathBuf, OnceCell<Program>)>,
}

/// A program and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    bytes: Bytes,
    sha256: String,
    /// Its path on machines.
    pub(crate) path: String,
}

impl Runners {
    pub(crate) fn new(paths: BTreeMap<String, PathBuf>) -> Self {
        let programs = paths
            .into_iter()
            .map(|(arch, path)| (arch, (path, OnceCell::new())))
            .collect();
        Self { programs }
    }

    pub(crate) async fn get(&self, arch: &str) -> Result<&Program, HostError> {
        let Some((path, cell)) = self.programs.get(arch) else {
            return Err(HostError::machine(format!(
                "there is no lazuli-runner for {arch} beside lazulid; build it with scripts/build"
            )));
        };
        cell.get_or_try_init(|| async {
            let bytes = tokio::fs::read(path).await.map_err(|error| {
                HostError::machine(format!("failed to read {}: {error}", path.display()))
            })?;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            Ok(Program {
                path: format!("/var/lib/lazuli/runner/{sha256}/lazuli-runner"),
                bytes: bytes.into(),
                sha256,
            })
        })
        .await
    }
}

impl Program {
    /// Puts the program on a machine. Safe to do twice, and at once.
    pub(crate) async fn upload(&self, connection: &Connection) -> Result<(), HostError> {
        let Self { path, sha256, .. } = self;
        let command = format!(
            "sudo -n sh -c 'set -e; umask 022; d=$(dirname {path}); mkdir -p $d; t=$(mktemp $d/.new.XXXXXX); \
             cat > $t; echo \"{sha256}  $t\" | sha256sum -c --status; chmod 755 $t; mv $t {path}'"
        );
        put(
            connection,
            &command,
            self.bytes.clone(),
            "put the runner on the machine",
        )
        .await
    }

    /// Puts a charm's archive on a machine.
    pub(crate) async fn put_charm(
        &self,
        connection: &Connection,
        sha256: &str,
        archive: Bytes,
    ) -> Result<(), HostError> {
        let command = format!("sudo -n {} put charm {sha256} {}", self.path, archive.len());
        put(
            connection,
            &command,
            archive,
            "put the charm on the machine",
        )
        .await
    }
}

async fn put(
    connection: &Connection,
    command: &str,
    bytes: Bytes,
    doing: &str,
) -> Result<(), HostError> {
    let chunks = (0..bytes.len())
        .step_by(CHUNK)
        .map(|start| bytes.slice(start..bytes.len().min(start + CHUNK)))
        .collect();
    let done = connection.run(command, chunks, UPLOAD).await?;
    match done.status {
        Some(0) => Ok(()),
        Some(code) => Err(HostError::machine(format!(
            "failed to {doing} (exit status {code}): {}",
            done.stderr.trim()
        ))),
        None => Err(HostError::transient(format!(
            "failed to {doing}: the connection was cut"
        ))),
    }
}
