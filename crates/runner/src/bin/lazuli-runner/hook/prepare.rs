//! A unit's directories and the links to its tools.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::error::Error;
use crate::files;
use crate::local;
use crate::paths::Paths;
use crate::tools::TOOLS;

/// File systems tell times apart that are further apart than this.
const MOMENT: Duration = Duration::from_secs(2);

/// The directories of tools that were found right, and when they had changed
/// last: a link that is removed or replaced changes its directory.
#[derive(Debug, Default)]
pub(crate) struct Prepared(Mutex<BTreeMap<PathBuf, SystemTime>>);

impl Prepared {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<PathBuf, SystemTime>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_right(&self, tools: &Path) -> bool {
        let changed = changed(tools);
        changed.is_some() && self.with(|known| known.get(tools).copied()) == changed
    }

    /// Remembers it; a directory that changed a moment ago may change again
    /// without showing it, so that one is looked at once more.
    fn remember(&self, tools: &Path) {
        let settled = changed(tools).filter(|at| at.elapsed().is_ok_and(|age| age > MOMENT));
        self.with(|known| match settled {
            Some(at) => known.insert(tools.to_owned(), at),
            None => known.remove(tools),
        });
    }
}

fn changed(dir: &Path) -> Option<SystemTime> {
    fs::metadata(dir).ok()?.modified().ok()
}

/// Makes the unit's directories, and a link per tool to this program; returns
/// the tools' directory. What is right already is left alone.
pub(super) fn prepare(paths: &Paths, known: &Prepared, tag: &str) -> Result<PathBuf, Error> {
    let agent = paths.agent(tag);
    for dir in [agent.join("state"), agent.join("resources")] {
        if !dir.is_dir() {
            files::make_dir(&dir, 0o755)?;
        }
    }
    let tools = paths.tools(tag);
    if !tools.is_dir() {
        files::make_dir(&tools, 0o755)?;
    }
    if known.is_right(&tools) {
        return Ok(tools);
    }
    let program = env::current_exe().map_err(Error::system("find the own program"))?;
    for tool in TOOLS {
        link(&program, &tools.join(tool.name))?;
    }
    let bin = paths.bin();
    if bin.is_dir() {
        for name in local::NAMES {
            let at = bin.join(name);
            if is_ours(&at) {
                link(&program, &at)?;
            }
        }
    }
    known.remember(&tools);
    Ok(tools)
}

/// Whether nobody else's program is there: a machine may have Juju's own.
fn is_ours(at: &Path) -> bool {
    match fs::read_link(at) {
        Ok(target) => target
            .file_name()
            .is_some_and(|name| name == "lazuli-runner"),
        Err(_) => fs::symlink_metadata(at).is_err(),
    }
}

fn link(program: &Path, at: &Path) -> Result<(), Error> {
    if fs::read_link(at).is_ok_and(|target| target == program) {
        return Ok(());
    }
    // By rename, since hooks of the past may still use it.
    let fresh = at.with_extension("new");
    files::remove_file(&fresh)?;
    symlink(program, &fresh).map_err(Error::file("link", &fresh))?;
    fs::rename(&fresh, at).map_err(Error::file("link", at))
}
