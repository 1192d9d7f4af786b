//! The HTTP server that guests' package managers talk to.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::fabric::Fabric;
use crate::spec::{Namespace, PACKAGES, PACKAGES_PORT};

use super::fetch::Store;
use super::http::{self, Answer, Request};
use super::index::Index;

/// Connections served at once; apt keeps one.
const MAX_CONNECTIONS: usize = 64;
/// How long a connection may be silent.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// How packages are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageOptions {
    /// Only these packages and what they may need: a small index makes each
    /// guest's `apt-get update` quick. Empty for all that the machine knows.
    pub only: Vec<String>,
    /// How many bytes of fetched packages are kept at most.
    pub limit: u64,
}

impl Default for PackageOptions {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            limit: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// A package source that is being served; dropping it ends that.
#[derive(Debug)]
pub struct PackageSource {
    fabric: Fabric,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    index: Index,
    store: Store,
    ending: AtomicBool,
    connections: AtomicUsize,
}

impl Fabric {
    /// Serves the machine's packages to this fabric's guests that are let out.
    ///
    /// # Errors
    /// The machine has no package lists; somebody serves already.
    pub fn serve_packages(&self, options: &PackageOptions) -> Result<PackageSource> {
        let folder: PathBuf = self.cache().join("packages");
        fs::create_dir_all(&folder).map_err(Error::path("create", &folder))?;
        let index = Index::load(&folder, &options.only)?;
        let address = SocketAddr::from((PACKAGES, PACKAGES_PORT));
        let listener = self.in_namespace(Namespace::Internet, || TcpListener::bind(address))?;
        let shared = Arc::new(Shared {
            index,
            store: Store::new(folder, options.limit),
            ending: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
        });
        let serving = shared.clone();
        let thread = std::thread::Builder::new()
            .name("packages".to_owned())
            .spawn(move || accept(&listener, &serving))
            .map_err(Error::io("start a thread for packages"))?;
        Ok(PackageSource {
            fabric: self.clone(),
            shared,
            thread: Some(thread),
        })
    }
}

impl PackageSource {
    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of that thread has been shown by its own hook.
            drop(thread.join());
        }
    }
}

impl Drop for PackageSource {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        // A connection wakes the thread that accepts them.
        let address = SocketAddr::from((PACKAGES, PACKAGES_PORT));
        let woken = self
            .fabric
            .in_namespace(Namespace::Internet, || TcpStream::connect(address));
        if woken.is_ok()
            && let Some(thread) = self.thread.take()
        {
            drop(thread.join());
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for connection in listener.incoming() {
        if shared.ending.load(Ordering::Relaxed) {
            return;
        }
        let Ok(connection) = connection else {
            continue;
        };
        if shared.connections.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let serving = shared.clone();
        let spawned = std::thread::Builder::new()
            .name("packages-connection".to_owned())
            .spawn(move || {
                if let Err(error) = serve(&connection, &serving) {
                    tracing::debug!(%error, "a package connection ended");
                }
                serving.connections.fetch_sub(1, Ordering::Relaxed);
            });
        if spawned.is_err() {
            shared.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn serve(connection: &TcpStream, shared: &Shared) -> io::Result<()> {
    connection.set_read_timeout(Some(IDLE_LIMIT))?;
    connection.set_write_timeout(Some(IDLE_LIMIT))?;
    let mut input = BufReader::new(connection);
    let mut output = BufWriter::new(connection);
    while let Some(request) = http::read(&mut input)? {
        let has_body = request.method == "GET";
        http::write(&mut output, answer(&request, shared), has_body)?;
        if request.close || shared.ending.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(())
}

fn answer<'a>(request: &Request, shared: &'a Shared) -> Answer<'a> {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Answer::Error(405, "Method Not Allowed");
    }
    let path = request
        .path
        .trim_start_matches("/./")
        .trim_start_matches('/');
    match path {
        "Release" => Answer::Bytes(shared.index.release.as_bytes()),
        "Packages.gz" => Answer::Bytes(&shared.index.packages_gz),
        _ => file(path, shared),
    }
}

fn file<'a>(path: &str, shared: &Shared) -> Answer<'a> {
    let name = path.strip_prefix("pool/").and_then(http::decode);
    let found = name.and_then(|name| {
        let (name, package) = shared.index.files.get_key_value(&name)?;
        Some((name, package))
    });
    let Some((name, package)) = found else {
        return Answer::Error(404, "Not Found");
    };
    match shared.store.get(name, package) {
        Ok(path) => File::open(path).map_or(Answer::Error(404, "Not Found"), Answer::File),
        Err(error) => {
            tracing::warn!(name, %error, "a package cannot be fetched");
            Answer::Error(502, "Bad Gateway")
        }
    }
}
