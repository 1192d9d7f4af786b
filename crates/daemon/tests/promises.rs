//! The tests that `docs/compatibility.md` names are there, and those that are
//! there are run.

#![expect(clippy::unwrap_used, reason = "in a test a failure may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The names that a crate has: of functions, and of modules.
fn names(krate: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(krate).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" {
            names.insert(name);
            self::names(&path, names);
        } else if let Some(module) = name.strip_suffix(".rs") {
            names.insert(module.to_owned());
            let text = fs::read_to_string(&path).unwrap();
            let functions = text.split("fn ").skip(1);
            let functions = functions.filter_map(|rest| rest.split(['(', '<']).next());
            names.extend(functions.map(str::to_owned));
        }
    }
}

/// What is in backticks in the last column of a table's row.
fn named(row: &str) -> Vec<&str> {
    let last = row.trim_end().trim_end_matches('|').rsplit(" | ").next();
    let parts = last.unwrap_or_default().split('`');
    parts.skip(1).step_by(2).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = fs::read_to_string(root.join("docs/compatibility.md")).unwrap();
    let mut count = 0;
    let mut known: Option<(String, BTreeSet<String>)> = None;
    let rows = text.lines().filter(|line| line.starts_with("| "));
    for row in rows.filter(|row| !row.contains(" tests |") && !row.starts_with("|---")) {
        for test in named(row) {
            // The crate is said once for those that follow each other.
            let path = match test.split_once(' ') {
                Some((krate, path)) => {
                    if known.as_ref().is_none_or(|(name, _)| name != krate) {
                        let dir = root.join("crates").join(krate);
                        assert!(dir.is_dir(), "{row}: there is no crate {krate}");
                        let mut all = BTreeSet::new();
                        names(&dir, &mut all);
                        known = Some((krate.to_owned(), all));
                    }
                    path
                }
                None => test,
            };
            let (krate, all) = known.as_ref().expect("a crate is named first");
            for name in path.split("::") {
                let there = match name.strip_suffix('*') {
                    Some(start) => all.iter().any(|one| one.starts_with(start)),
                    None => all.contains(name),
                };
                assert!(there, "crate {krate} has no {name}: {row}");
            }
            count += 1;
        }
    }
    assert!(count > 100, "only {count} tests are named");
}

/// Nobody says a word about a file that no `mod` names, and its tests never run.
#[test]
fn every_file_of_a_test_program_is_part_of_it() {
    let crates = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut count = 0;
    for krate in fs::read_dir(crates).unwrap().flatten() {
        let programs = fs::read_dir(krate.path().join("tests"));
        for program in programs.into_iter().flatten().flatten() {
            let Ok(main) = fs::read_to_string(program.path().join("main.rs")) else {
                continue;
            };
            for file in fs::read_dir(program.path()).unwrap().flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                let module = name.strip_suffix(".rs").unwrap_or(&name);
                let declared = main
                    .lines()
                    .filter_map(|line| line.trim_end().strip_suffix(';')?.rsplit_once("mod "));
                let mut declared = declared.map(|(_, module)| module);
                assert!(
                    module == "main" || declared.any(|one| one == module),
                    "{} is in no test program",
                    file.path().display()
                );
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} files were found");
}
