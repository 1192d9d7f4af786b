//! Building the base once, and finding it ever after.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::tools;

use super::recipe;

/// A base that is ready.
#[derive(Clone, Debug)]
pub struct Base {
    /// Its root directory. Guests have it below their overlays: never write there.
    pub root: PathBuf,
}

/// Where bases are kept unless the caller says otherwise: `$LAZULI_CACHE`,
/// else `/var/cache/lazuli`.
#[must_use]
pub fn cache_folder() -> PathBuf {
    std::env::var_os("LAZULI_CACHE")
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from("/var/cache/lazuli"), PathBuf::from)
}

impl Base {
    /// The base in `cache`, built first if it is missing (about 30 s).
    /// Whoever comes while another builds waits for it.
    ///
    /// # Errors
    /// A missing tool, no package source, a build that failed.
    pub fn ensure(cache: &Path) -> Result<Self> {
        tools::ensure_root()?;
        fs::create_dir_all(cache).map_err(Error::path("create the cache", cache))?;
        let suite = suite()?;
        let name = format!("base-{suite}-{}", recipe::key());
        let root = cache.join(&name);
        if root.exists() {
            return Ok(Self { root });
        }
        let path = cache.join(format!("{name}.lock"));
        let lock = File::create(&path).map_err(Error::path("create", &path))?;
        lock.lock().map_err(Error::path("lock", &path))?;
        if !root.exists() {
            build(cache, &root, &suite)?;
        }
        Ok(Self { root })
    }
}

/// The machine's own release, which guests get too: `bookworm`, `noble`.
fn suite() -> Result<String> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).map_err(Error::path("read", path))?;
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value.trim_matches('"').to_owned())
    };
    field("VERSION_CODENAME=").ok_or_else(|| {
        Error::Invalid(
            "guests are made of this machine's distribution, which has to be a release of \
             Debian or Ubuntu: /etc/os-release names none"
                .to_owned(),
        )
    })
}

/// The machine's package sources, those of its distribution.
fn sources() -> Result<Vec<String>> {
    let format = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)";
    let output = tools::run(
        Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]),
        "",
    )?;
    let mut lines = Vec::new();
    for target in output.lines() {
        let fields: Vec<&str> = target.split('|').collect();
        let [origin, uri, release, component, signed_by] = fields[..] else {
            continue;
        };
        if !matches!(origin, "Debian" | "Ubuntu") {
            continue;
        }
        let options = if signed_by.starts_with('/') {
            format!("[signed-by={signed_by}] ")
        } else {
            String::new()
        };
        let line = format!("deb {options}{uri} {release} {component}");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return Err(Error::Invalid(
            "this machine has no Debian or Ubuntu package lists to build guests from: \
             run apt-get update"
                .to_owned(),
        ));
    }
    Ok(lines)
}

fn build(cache: &Path, root: &Path, suite: &str) -> Result<()> {
    tools::ensure_builders()?;
    let sources = sources()?;
    tracing::info!(root = %root.display(), "building the guests' base (about 30 s)");
    // Ours alone, by the lock; what a killed builder left goes first.
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let partial = cache.join(format!(".{name}.partial"));
    remove(&partial)?;
    let mut command = Command::new("mmdebstrap");
    command.args([
        "--quiet",
        "--variant=apt",
        "--mode=root",
        "--format=directory",
    ]);
    for option in recipe::APT_OPTIONS {
        command.arg(format!("--aptopt={option}"));
    }
    for option in recipe::DPKG_OPTIONS {
        command.arg(format!("--dpkgopt={option}"));
    }
    command.arg(format!("--include={}", recipe::PACKAGES.join(",")));
    command.arg(suite).arg(&partial).args(&sources);
    let built = tools::run(&mut command, "")
        .and_then(|_| finish(&partial))
        .and_then(|()| fs::rename(&partial, root).map_err(Error::path("name", root)));
    if built.is_err() {
        remove(&partial)?;
    }
    built
}

/// Takes the machine out of the tree, and puts the guests' own files in.
fn finish(root: &Path) -> Result<()> {
    for path in recipe::REMOVED {
        remove(&root.join(path))?;
    }
    for folder in recipe::EMPTIED {
        let folder = root.join(folder);
        remove(&folder)?;
        fs::create_dir_all(&folder).map_err(Error::path("create", &folder))?;
    }
    for (path, mode, content) in recipe::FILES {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::path("create", folder))?;
        }
        fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(*mode)))
            .map_err(Error::path("write", &path))?;
    }
    for (path, target) in recipe::LINKS {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::path("create", folder))?;
        }
        remove(&path)?;
        std::os::unix::fs::symlink(target, &path).map_err(Error::path("link", &path))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    let removed = match path.symlink_metadata() {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(Error::path("remove", path))
}
