//! The machine-side program: what is uploaded, and how it is called.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::charm::Cargo;
use crate::error::HostError;

/// The machine-side program for one kind of processor.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub(crate) bytes: Bytes,
    pub(crate) sha256: String,
}

/// All of them, each read once.
#[derive(Debug)]
pub(crate) struct Runners {
    paths: BTreeMap<String, PathBuf>,
    read: Mutex<BTreeMap<String, Runner>>,
}

impl Runners {
    pub(crate) fn new(paths: BTreeMap<String, PathBuf>) -> Self {
        Self {
            paths,
            read: Mutex::default(),
        }
    }

    /// The one for a processor, as in `uname -m`.
    pub(crate) async fn get(&self, arch: &str) -> Result<Runner, HostError> {
        if let Some(runner) = self.known().get(arch) {
            return Ok(runner.clone());
        }
        let path = self.paths.get(arch).ok_or_else(|| HostError::NoRunner {
            arch: arch.to_owned(),
        })?;
        let bytes = tokio::fs::read(path)
            .await
            .map_err(|cause| HostError::RunnerFile {
                path: path.clone(),
                cause,
            })?;
        let runner = Runner {
            sha256: hex::encode(Sha256::digest(&bytes)),
            bytes: bytes.into(),
        };
        self.known().insert(arch.to_owned(), runner.clone());
        Ok(runner)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Runner>> {
        self.read
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Commands for one user of a machine. All words are plain, so that any login
/// shell understands them.
#[derive(Clone, Debug)]
pub(crate) struct Commands {
    /// `sudo -n ` and the like.
    prefix: String,
    /// `/var/lib/lazuli/runner`.
    runners: String,
}

impl Commands {
    pub(crate) fn new(user: &str, root: Option<&str>) -> Self {
        let sudo = if user == "root" { "" } else { "sudo -n " };
        let (prefix, root) = match root {
            Some(root) => {
                let root = root.trim_end_matches('/');
                (format!("{sudo}env LAZULI_RUNNER_ROOT={root} "), root)
            }
            None => (sudo.to_owned(), ""),
        };
        Self {
            prefix,
            runners: format!("{root}/var/lib/lazuli/runner"),
        }
    }

    /// The directory of all runners.
    pub(crate) fn runners(&self) -> &str {
        &self.runners
    }

    /// A shell that reads its script from stdin.
    pub(crate) fn shell(&self) -> String {
        format!("{}sh -s", self.prefix)
    }

    /// The supervisor's far end.
    pub(crate) fn serve(&self, sha256: &str) -> String {
        format!(
            "exec {}{}/{sha256}/lazuli-runner serve",
            self.prefix, self.runners
        )
    }

    /// Takes a charm archive, or a resource, from stdin.
    pub(crate) fn put(&self, cargo: Cargo, runner: &str, sha256: &str, size: u64) -> String {
        let what = cargo.word();
        format!(
            "exec {}{}/{runner}/lazuli-runner put {what} {sha256} {size}",
            self.prefix, self.runners
        )
    }

    /// Takes the runner from stdin. It appears under its name whole, checked
    /// and on disk, or not at all.
    pub(crate) fn put_runner(&self, sha256: &str, size: usize) -> String {
        let directory = format!("{}/{sha256}", self.runners);
        format!(
            "{}sh -c 'umask 077; t={directory}/upload.$$; mkdir -p {directory} && \
             head -c {size} >$t && echo \"{sha256}  $t\" | sha256sum -c - >/dev/null && \
             chmod 755 $t && sync $t && mv -f $t {directory}/lazuli-runner || {{ rm -f $t; exit 1; }}'",
            self.prefix
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_processor_is_named() {
        let runners = Runners::new(BTreeMap::from([(
            "x86_64".to_owned(),
            "/nonexistent".into(),
        )]));
        let error = runners.get("aarch64").await.unwrap_err();
        assert!(error.to_string().contains("aarch64"), "{error}");
        let error = runners.get("x86_64").await.unwrap_err();
        assert!(matches!(error, HostError::RunnerFile { .. }), "{error}");
    }

    #[test]
    fn an_upload_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let commands = Commands::new("root", root.path().to_str());
        let good = b"#!/bin/sh\nexit 0\n".as_slice();
        let sha256 = hex::encode(Sha256::digest(good));
        let put = |bytes: &[u8]| {
            let mut child = std::process::Command::new("sh")
                .args(["-c", &commands.put_runner(&sha256, good.len())])
                .stdin(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), bytes).unwrap();
            child.wait().unwrap().success()
        };
        let directory = root.path().join("var/lib/lazuli/runner").join(&sha256);
        let names = || {
            let entries = std::fs::read_dir(&directory).unwrap();
            entries.map(|e| e.unwrap().file_name()).collect::<Vec<_>>()
        };
        assert!(!put(&good[..5]));
        assert!(!put(b"#!/bin/sh\nexit 1\n"));
        assert!(names().is_empty());
        assert!(put(good));
        assert_eq!(names(), ["lazuli-runner"]);
        assert!(put(good));
    }
}
