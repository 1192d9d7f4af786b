//! Opening a fabric: making it, or adopting what is there.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use nix::sys::statfs::{OVERLAYFS_SUPER_MAGIC, statfs};

use crate::base::{Base, cache_folder};
use crate::error::{Error, Result};
use crate::ns;
use crate::spec::{Namespace, VnetSpec};
use crate::tools;

use super::links::Links;
use super::records::{
    Applied, Existence, GUEST_FILE, Guest, GuestRecord, Registry, Vnet, VnetRecord, lock, read_json,
};

/// How long a former manager may take to be gone.
const HANDOVER_LIMIT: Duration = Duration::from_secs(1);

/// Where a fabric finds what it needs.
#[derive(Clone, Debug, Default)]
pub struct FabricOptions {
    /// The folder that bases are cached in; [`cache_folder`] if absent.
    pub cache: Option<PathBuf>,
    /// The static `guest-init`; `$LAZULI_GUEST_INIT`, else the file of that
    /// name beside this executable, if absent.
    pub init: Option<PathBuf>,
}

/// A private set of networks and guests, below one directory.
///
/// Cheap to clone; all clones are one fabric. Dropping it leaves guests and
/// networks as they are: the next [`Fabric::open`] adopts them.
#[derive(Clone, Debug)]
pub struct Fabric {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) dir: PathBuf,
    pub(super) cache: PathBuf,
    pub(super) init: PathBuf,
    pub(super) base: OnceLock<Base>,
    pub(super) registry: Mutex<Registry>,
    pub(super) links: Mutex<Links>,
    /// Held for as long as this process manages the fabric.
    _lock: File,
}

impl Fabric {
    /// Opens the fabric in `dir`: makes its namespaces if they are missing,
    /// adopts what is there. Guests that are off stay off, see [`Fabric::resume`].
    ///
    /// # Errors
    /// Not root, a missing tool, another manager, a damaged directory.
    pub fn open(dir: &Path, options: &FabricOptions) -> Result<Self> {
        tools::ensure_tools()?;
        for folder in [
            dir.to_owned(),
            dir.join("ns"),
            dir.join("vnets"),
            dir.join("guests"),
        ] {
            fs::create_dir_all(&folder).map_err(Error::path("create", &folder))?;
        }
        let dir = fs::canonicalize(dir).map_err(Error::path("find", dir))?;
        check_file_system(&dir)?;
        let lock = manage(&dir)?;
        let init = find_init(options)?;
        let links = Links::ensure(&dir)?;
        let fabric = Self {
            inner: Arc::new(Inner {
                cache: options.cache.clone().unwrap_or_else(cache_folder),
                init,
                base: OnceLock::new(),
                registry: Mutex::new(load(&dir)?),
                links: Mutex::new(links),
                _lock: lock,
                dir,
            }),
        };
        fabric.adopt_vnets()?;
        Ok(fabric)
    }

    /// Builds the base now, if it is missing, and not with the first guest.
    ///
    /// # Errors
    /// As [`Base::ensure`].
    pub fn prepare(&self) -> Result<()> {
        self.base().map(drop)
    }

    /// The file that a namespace is pinned to, for `setns` and `nsenter --net=`.
    #[must_use]
    pub fn namespace(&self, namespace: Namespace<'_>) -> PathBuf {
        namespace_path(&self.inner.dir, namespace)
    }

    /// Runs `work` in a short thread inside a namespace: sockets and processes
    /// that it makes stay there.
    ///
    /// # Errors
    /// The namespace cannot be entered; what `work` returned.
    pub fn in_namespace<T: Send>(
        &self,
        namespace: Namespace<'_>,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> Result<T> {
        ns::inside(&self.namespace(namespace), work)
    }

    pub(crate) fn cache(&self) -> &Path {
        &self.inner.cache
    }

    pub(super) fn base(&self) -> Result<&Base> {
        if self.inner.base.get().is_none() {
            let base = Base::ensure(&self.inner.cache)?;
            // Another thread may have been as quick, with the same base.
            self.inner.base.get_or_init(|| base);
        }
        self.inner
            .base
            .get()
            .ok_or_else(|| Error::Invalid("the base vanished".to_owned()))
    }

    pub(super) fn find_vnet(&self, name: &str) -> Result<Arc<Vnet>> {
        let registry = lock(&self.inner.registry);
        registry.vnets.get(name).cloned().ok_or(Error::Unknown {
            kind: "virtual network",
            name: name.to_owned(),
        })
    }

    pub(super) fn find_guest(&self, name: &str) -> Result<Arc<Guest>> {
        let registry = lock(&self.inner.registry);
        registry.guests.get(name).cloned().ok_or(Error::Unknown {
            kind: "guest",
            name: name.to_owned(),
        })
    }

    pub(super) fn guest_dir(&self, name: &str) -> PathBuf {
        self.inner.dir.join("guests").join(name)
    }
}

pub(super) fn namespace_path(dir: &Path, namespace: Namespace<'_>) -> PathBuf {
    let folder = dir.join("ns");
    match namespace {
        Namespace::Fabric => folder.join("fabric"),
        Namespace::Internet => folder.join("internet"),
        Namespace::Vnet(name) => folder.join(format!("vnet-{name}")),
    }
}

/// An overlay cannot keep another overlay's files.
fn check_file_system(dir: &Path) -> Result<()> {
    let kind = statfs(dir)
        .map_err(Error::io(format!("look at {}", dir.display())))?
        .filesystem_type();
    if kind == OVERLAYFS_SUPER_MAGIC {
        return Err(Error::Invalid(format!(
            "{} is inside a container's own layer, where guests cannot keep their files: \
             put it on a volume",
            dir.display()
        )));
    }
    Ok(())
}

fn manage(dir: &Path) -> Result<File> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(Error::path("create", &path))?;
    // A manager that was killed may have been starting a program: until that
    // one is itself, it holds what its parent held.
    let deadline = Instant::now() + HANDOVER_LIMIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(Error::Busy(dir.to_owned())),
            Err(TryLockError::Error(error)) => return Err(Error::path("lock", &path)(error)),
        }
    }
}

fn find_init(options: &FabricOptions) -> Result<PathBuf> {
    let from_environment = || std::env::var_os("LAZULI_GUEST_INIT").map(PathBuf::from);
    let beside = || {
        let own = std::env::current_exe().ok()?;
        Some(own.parent()?.join("guest-init"))
    };
    let path = options
        .init
        .clone()
        .or_else(from_environment)
        .or_else(beside)
        .unwrap_or_else(|| PathBuf::from("guest-init"));
    fs::canonicalize(&path).map_err(|_| Error::NoInit(path))
}

fn load(dir: &Path) -> Result<Registry> {
    let mut registry = Registry::default();
    for path in entries(&dir.join("vnets"))? {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        if let Some(VnetRecord {
            index,
            nat_address,
            spec,
        }) = read_json(&path)?
        {
            registry
                .vnets
                .insert(spec.name.clone(), vnet(index, nat_address, spec));
        }
    }
    for path in entries(&dir.join("guests"))? {
        // A directory without its record is a guest half made or half deleted.
        let record: Option<GuestRecord> = read_json(&path.join(GUEST_FILE))?;
        let Some(GuestRecord { index, spec }) = record else {
            continue;
        };
        let guest = Guest {
            index,
            spec: Mutex::new(spec.clone()),
            operation: Mutex::new(Existence::Present),
        };
        registry.guests.insert(spec.name, Arc::new(guest));
    }
    Ok(registry)
}

pub(super) fn vnet(index: u32, nat_address: std::net::Ipv4Addr, spec: VnetSpec) -> Arc<Vnet> {
    Arc::new(Vnet {
        name: spec.name.clone(),
        index,
        nat_address,
        spec: Mutex::new(spec),
        router: Mutex::new(Applied::default()),
    })
}

pub(super) fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::path("list", dir))? {
        found.push(entry.map_err(Error::path("list", dir))?.path());
    }
    found.sort();
    Ok(found)
}
