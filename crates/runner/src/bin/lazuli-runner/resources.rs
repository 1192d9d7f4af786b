//! Resources of charms: taken in from the host by their hash, and put where
//! the charm finds them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lazuli_runner::frames::{Answer, ResourceRef};
use sha2::{Digest, Sha256};

use crate::charm::take_in;
use crate::error::{Error, describe};
use crate::files;
use crate::paths::{Paths, is_sha256};

/// The largest resource, in bytes.
const RESOURCE_MAX: u64 = 16 << 30;
/// What was brought and not fetched since is removed after this.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Takes `size` bytes with this hash from the host.
pub(crate) fn upload(
    paths: &Paths,
    sha256: &str,
    size: u64,
    from: &mut impl io::Read,
) -> Result<(), Error> {
    forget_old(&paths.incoming())?;
    take_in(paths, &paths.incoming(), sha256, (size, RESOURCE_MAX), from)
}

/// Removes what nobody came for.
fn forget_old(incoming: &Path) -> Result<(), Error> {
    for name in files::names(incoming)? {
        let path = incoming.join(name);
        let changed = fs::metadata(&path).and_then(|found| found.modified());
        let old = |at: SystemTime| at.elapsed().is_ok_and(|age| age > KEPT);
        if changed.is_ok_and(old) {
            files::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Puts a unit's resource in its place and says where that is. What is there
/// already is not fetched again; `ask` has the host bring what is not.
///
/// # Errors
/// The text that the tool prints.
pub(crate) fn provide(
    paths: &Paths,
    tag: &str,
    name: &str,
    known: Option<&ResourceRef>,
    ask: impl FnOnce() -> Result<Answer, String>,
) -> Result<PathBuf, String> {
    if let Some(resource) = known {
        let path = place(paths, tag, name, resource)?;
        if holds(&path, resource) {
            return Ok(path);
        }
    }
    let Answer::Resource { resource } = ask()? else {
        return Err("unexpected answer".to_owned());
    };
    let path = place(paths, tag, name, &resource)?;
    if !holds(&path, &resource) {
        let brought = paths.incoming().join(&resource.sha256);
        move_to(&brought, &path).map_err(|error| describe(&error))?;
    }
    Ok(path)
}

/// Where a resource belongs.
fn place(paths: &Paths, tag: &str, name: &str, resource: &ResourceRef) -> Result<PathBuf, String> {
    let plain = |text: &str| {
        (1..=255).contains(&text.len())
            && !matches!(text, "." | "..")
            && !text.contains(['/', '\0', '\n'])
    };
    if !plain(name) || !plain(&resource.filename) || !is_sha256(&resource.sha256) {
        return Err(format!(
            "{name:?} with the file {:?} is no resource that can be put in place",
            resource.filename
        ));
    }
    Ok(paths
        .agent(tag)
        .join("resources")
        .join(name)
        .join(&resource.filename))
}

/// Whether the file is the resource: a hook may have changed it.
fn holds(path: &Path, resource: &ResourceRef) -> bool {
    let whole = path
        .symlink_metadata()
        .is_ok_and(|found| found.is_file() && found.len() == resource.size);
    whole && digest(path).is_ok_and(|found| found == resource.sha256)
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(hex::encode(hash.finalize()))
}

fn move_to(brought: &Path, path: &Path) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        if parent.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
            files::remove_file(parent)?;
        }
        files::make_dir(parent, 0o755)?;
    }
    if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
        files::remove_tree(path)?;
    }
    match fs::rename(brought, path) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        moved => return moved.map_err(Error::file("put in place", path)),
    }
    let beside = path.with_extension("lazuli-new");
    fs::copy(brought, &beside)
        .and_then(|_| fs::rename(&beside, path))
        .map_err(Error::file("put in place", path))?;
    files::remove_file(brought)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(content: &[u8]) -> ResourceRef {
        ResourceRef {
            filename: "site.tar".to_owned(),
            sha256: hex::encode(Sha256::digest(content)),
            size: content.len() as u64,
        }
    }

    #[test]
    fn a_resource_is_brought_once_per_content() {
        let root = std::env::temp_dir().join(format!("lazuli-resources-{}", std::process::id()));
        files::remove_tree(&root).unwrap();
        let paths = Paths::below(&root);
        let tag = "unit-web-0";
        let get = |content: &[u8], known: bool| {
            let resource = reference(content);
            let mut asked = false;
            let known = known.then(|| resource.clone());
            let path = provide(&paths, tag, "site", known.as_ref(), || {
                asked = true;
                let size = resource.size;
                upload(&paths, &resource.sha256, size, &mut &*content).unwrap();
                Ok(Answer::Resource { resource })
            });
            (path.unwrap(), asked)
        };
        let expected = paths.agent(tag).join("resources/site/site.tar");
        assert_eq!(get(b"one", true), (expected.clone(), true));
        assert_eq!(get(b"one", true), (expected.clone(), false));
        assert_eq!(fs::read(&expected).unwrap(), b"one");
        // Another content; a file that a hook changed; one that it replaced.
        assert_eq!(get(b"two", true), (expected.clone(), true));
        fs::write(&expected, "own").unwrap();
        assert_eq!(get(b"two", true), (expected.clone(), true));
        fs::remove_file(&expected).unwrap();
        fs::create_dir_all(expected.join("deep")).unwrap();
        assert_eq!(get(b"two", false), (expected.clone(), true));
        assert_eq!(fs::read(&expected).unwrap(), b"two");
        assert_eq!(files::names(&paths.incoming()).unwrap(), [""; 0]);
        files::remove_tree(&root).unwrap();
    }

    #[test]
    fn nothing_is_put_outside_its_place() {
        let paths = Paths::below("/nonexistent");
        let bad = |name: &str, filename: &str| {
            let resource = ResourceRef {
                filename: filename.to_owned(),
                ..reference(b"x")
            };
            let asked = provide(&paths, "unit-a-0", name, Some(&resource), || {
                Err("asked".to_owned())
            });
            asked.unwrap_err()
        };
        for (name, filename) in [
            ("..", "f"),
            ("a/b", "f"),
            ("a", ".."),
            ("a", "b/c"),
            ("a", ""),
        ] {
            assert!(
                bad(name, filename).contains("put in place"),
                "{name} {filename}"
            );
        }
        assert_eq!(bad("a", "b"), "asked");
    }
}
