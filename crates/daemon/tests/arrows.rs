//! The law of the crates: who may know whom, and what the pure ones must not
//! have in their tree.

#![expect(clippy::expect_used, reason = "a test that cannot set up is to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

/// Every arrow that is allowed between crates of the workspace. `server` and
/// `controller` meet only in Postgres; `plan` sees `model` alone.
const ARROWS: &[(&str, &[&str])] = &[
    ("lazuli-model", &[]),
    ("lazuli-runner", &[]),
    ("lazuli-guests", &[]),
    ("lazuli-plan", &["lazuli-model"]),
    ("lazuli-store", &["lazuli-model"]),
    ("lazuli-cloud", &["lazuli-model"]),
    ("lazuli-source", &["lazuli-model"]),
    ("lazuli-host", &["lazuli-model", "lazuli-runner"]),
    ("lazuli-api", &["lazuli-model"]),
    (
        "lazuli-cli",
        &["lazuli-api", "lazuli-model", "lazuli-source"],
    ),
    (
        "lazuli-server",
        &[
            "lazuli-api",
            "lazuli-model",
            "lazuli-plan",
            "lazuli-source",
            "lazuli-store",
        ],
    ),
    (
        "lazuli-controller",
        &[
            "lazuli-cloud",
            "lazuli-host",
            "lazuli-model",
            "lazuli-plan",
            "lazuli-runner",
            "lazuli-store",
        ],
    ),
    (
        "lazuli-daemon",
        &[
            "lazuli-api",
            "lazuli-cloud",
            "lazuli-controller",
            "lazuli-host",
            "lazuli-model",
            "lazuli-server",
            "lazuli-store",
        ],
    ),
    ("lazuli-azure-sim", &["lazuli-guests"]),
    // It knows what a user has: the programs.
    ("lazuli-e2e", &[]),
    ("lazuli-bench", &["lazuli-api"]),
];

/// What a pure crate must not reach: I/O, clocks that run, randomness.
const IMPURE: &[&str] = &["tokio", "sqlx", "rand", "getrandom", "reqwest", "russh"];

/// `zip` names getrandom whatever its features; it draws from it only to
/// encrypt, which is not compiled in.
const HARMLESS: (&str, &str) = ("zip", "getrandom");

fn metadata() -> Metadata {
    // Only this platform's packages are certain to have been downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    MetadataCommand::new()
        .manifest_path(MANIFEST)
        .other_options(["--offline", "--locked", "--filter-platform", &platform].map(str::to_owned))
        .exec()
        .expect("cargo metadata answers")
}

#[test]
fn crates_know_only_whom_they_may() {
    let metadata = metadata();
    let law: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut violations = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(allowed) = law.get(package.name.as_str()) else {
            violations.push(format!("{} has no law", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let internal = dependency.path.is_some() && dependency.kind == DependencyKind::Normal;
            if internal && !allowed.contains(&dependency.name.as_str()) {
                violations.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn the_planner_is_pure() {
    // Asked of `cargo tree`, since the metadata's graph has the features of
    // the whole workspace.
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--package", "lazuli-plan"])
        .args([
            "--edges", "normal", "--prefix", "depth", "--format", " {lib}",
        ])
        .args(["--no-dedupe", "--manifest-path", MANIFEST])
        .output()
        .expect("cargo tree answers");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut path: Vec<String> = Vec::new();
    let mut reached = BTreeSet::new();
    for line in text.lines() {
        let (depth, name) = line.split_once(' ').expect("a depth and a name");
        path.truncate(depth.parse().expect("a number"));
        let parent = path.last().map_or("", String::as_str);
        if IMPURE.contains(&name) && (parent, name) != HARMLESS {
            reached.insert(format!("{} -> {name}", path.join(" -> ")));
        }
        path.push(name.to_owned());
    }
    assert!(path.len() > 1, "cargo tree named no dependency: {text}");
    assert_eq!(reached, BTreeSet::new());
}
