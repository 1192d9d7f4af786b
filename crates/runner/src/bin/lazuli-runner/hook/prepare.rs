//! A unit's directories and the links to its tools.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files;
use crate::paths::Paths;
use crate::tools::TOOLS;

/// Makes the unit's directories, and a link per tool to this program; returns
/// the tools' directory. What is right already is left alone.
pub(super) fn prepare(paths: &Paths, tag: &str) -> Result<PathBuf, Error> {
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
    let program = env::current_exe().map_err(Error::system("find the own program"))?;
    for tool in TOOLS {
        link(&program, &tools.join(tool.name))?;
    }
    Ok(tools)
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
