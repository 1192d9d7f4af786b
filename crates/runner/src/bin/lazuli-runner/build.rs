//! Which build this is: two builds of one version are told apart by their
//! files, so that a new one replaces the supervisor of the old one.

use std::fs;
use std::os::unix::fs::MetadataExt;

use lazuli_runner::frames::PROTOCOL;

/// The line with which `serve` and the supervisor greet each other.
pub(crate) fn greeting() -> String {
    let file = fs::metadata("/proc/self/exe")
        .map(|file| format!("{}-{}-{}", file.ino(), file.size(), file.mtime()))
        .unwrap_or_default();
    format!("lazuli {PROTOCOL} {} {file}", env!("CARGO_PKG_VERSION"))
}
