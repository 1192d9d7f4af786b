//! The law of the crates: who may know whom, and what the pure ones must not
//! have in their tree.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Every arrow that is allowed between crates of the workspace. `server` and
/// `controller` meet only in Postgres; `plan` sees `model` alone.
const ARROWS: &[(&str, &[&str])] = &[
    ("lazuli-model", &[]),
    ("lazuli-runner", &[]),
    ("lazuli-guests", &[]),
    ("lazuli-plan", &["lazuli-model"]),
    ("lazuli-store", &["lazuli-model"]),
    ("lazuli-cloud", &["lazuli-model"]),
    ("lazuli-host", &["lazuli-model", "lazuli-runner"]),
    ("lazuli-api", &["lazuli-model"]),
    ("lazuli-cli", &["lazuli-api", "lazuli-model"]),
    (
        "lazuli-server",
        &["lazuli-api", "lazuli-model", "lazuli-plan", "lazuli-store"],
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
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
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
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let names: BTreeMap<&PackageId, &str> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    let normal: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let normal = node.deps.iter().filter(|dep| {
                let edge = (names[&node.id], names[&dep.pkg]);
                edge != HARMLESS
                    && dep
                        .dep_kinds
                        .iter()
                        .any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|dep| &dep.pkg).collect())
        })
        .collect();
    let plan = metadata
        .packages
        .iter()
        .find(|package| package.name.as_str() == "lazuli-plan")
        .expect("the planner's package");
    let mut seen = BTreeSet::new();
    let mut stack = vec![&plan.id];
    while let Some(id) = stack.pop() {
        if seen.insert(id) {
            stack.extend(normal.get(id).into_iter().flatten());
        }
    }
    let reached: Vec<_> = seen
        .iter()
        .map(|id| names[id])
        .filter(|name| IMPURE.contains(name))
        .collect();
    assert_eq!(reached, Vec::<&str>::new());
}
