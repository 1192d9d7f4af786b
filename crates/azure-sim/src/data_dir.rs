//! The data directory: its lock, and the file that says where the simulator
//! listens.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::tls::write_private;

const LOCK: &str = "lock";
/// What the lock file says, so that no other directory is taken for one.
const MARK: &str = "azure-sim\n";
/// Whoever looks whether a simulator runs holds the lock for a moment.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(10);
const ENDPOINT: &str = "endpoint.json";
const URL: &str = "endpoint";
const PORTS: &str = "ports.json";

/// The data directory, held by this process alone.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    _lock: Flock<File>,
}

/// Where and as whom to reach a simulator: `endpoint.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The URL of ARM, authority and metadata.
    pub https: String,
    /// The same without TLS, if asked for.
    pub http: Option<String>,
    /// The simulator's process.
    pub pid: u32,
    /// The certificate to trust.
    pub ca: PathBuf,
    /// The tenant.
    pub tenant: String,
    /// The first subscription.
    pub subscription: String,
    /// The first principal.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Where tokens come from.
    pub authority: String,
    /// The resource manager.
    pub arm: String,
    /// What tokens are for.
    pub audience: String,
    /// `guests` or `none`.
    pub hosts: String,
    /// The namespace from which guests are reached.
    pub fabric_netns: Option<PathBuf>,
    /// The namespace outside.
    pub internet_netns: Option<PathBuf>,
}

/// The ports of the last run.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ports {
    pub(crate) https: Option<u16>,
    pub(crate) http: Option<u16>,
}

impl DataDir {
    /// Creates the directory if need be, and locks it.
    ///
    /// # Errors
    /// If another process holds it, or the file system refuses.
    pub fn lock(path: &Path) -> Result<Self, Error> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(Error::file("create", path))?;
        let path = path.canonicalize().map_err(Error::file("resolve", path))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(Error::file("open", path.join(LOCK)))?;
        let begun = Instant::now();
        let mut lock = loop {
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => break lock,
                Err((back, Errno::EWOULDBLOCK)) if begun.elapsed() < PATIENCE => file = back,
                Err((_, Errno::EWOULDBLOCK)) => return Err(Error::Locked(path)),
                Err((_, errno)) => {
                    return Err(Error::file("lock", path.join(LOCK))(errno.into()));
                }
            }
            std::thread::sleep(PAUSE);
        };
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(MARK.as_bytes()))
            .map_err(Error::file("mark", path.join(LOCK)))?;
        Ok(Self { path, _lock: lock })
    }

    /// Whether a path is a data directory: `destroy` removes no other.
    #[must_use]
    pub fn is(path: &Path) -> bool {
        std::fs::read_to_string(path.join(LOCK)).is_ok_and(|text| text == MARK)
    }

    /// Removes the directory. To be called when no guest is left.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn remove(self) -> Result<(), Error> {
        std::fs::remove_dir_all(&self.path).map_err(Error::file("remove", &self.path))
    }

    /// The directory, as an absolute path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn publish(&self, endpoint: &Endpoint) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(endpoint)
            .map_err(|error| Error::Setting(error.to_string()))?;
        let url = self.path.join(URL);
        std::fs::write(&url, format!("{}\n", endpoint.https))
            .map_err(Error::file("write", &url))?;
        // Written last: whoever sees it finds everything else.
        write_private(&self.path.join(ENDPOINT), &text)
    }

    /// Takes the endpoint back. Failing to is harmless: readers go by the lock.
    pub(crate) fn withdraw(&self) {
        for name in [ENDPOINT, URL] {
            let path = self.path.join(name);
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), error = %error, "a file could not be removed");
            }
        }
    }

    /// The address to listen on: the port of the last run where any would do.
    pub(crate) fn preferred(address: SocketAddr, port: Option<u16>) -> Option<SocketAddr> {
        (address.port() == 0)
            .then(|| port.map(|port| SocketAddr::new(address.ip(), port)))
            .flatten()
    }

    pub(crate) fn ports(&self) -> Ports {
        std::fs::read(self.path.join(PORTS))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    pub(crate) fn keep_ports(&self, ports: Ports) -> Result<(), Error> {
        let text = serde_json::to_vec(&ports).map_err(|error| Error::Setting(error.to_string()))?;
        write_private(&self.path.join(PORTS), &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_looks_is_in_nobodys_way() {
        let directory = tempfile::tempdir().unwrap();
        drop(DataDir::lock(directory.path()).unwrap());
        let file = File::open(directory.path().join(LOCK)).unwrap();
        let looking = Flock::lock(file, FlockArg::LockSharedNonblock).unwrap();
        std::thread::scope(|scope| {
            let locked = scope.spawn(|| DataDir::lock(directory.path()));
            std::thread::sleep(PAUSE * 3);
            drop(looking);
            locked.join().unwrap().unwrap();
        });
    }
}
