//! What the charm `recorder` wrote: a line for each hook, with what the hook
//! saw of its relation.

use std::collections::BTreeMap;

/// Splits what the charm `recorder` wrote into the hook, the relation's number
/// and the remote; the last two are empty outside relations.
fn parts(line: &str) -> (&str, &str, &str) {
    let mut words = line.split(' ');
    let hook = words.next().unwrap_or_default();
    let relation = words.next().filter(|word| word.contains(':'));
    let remote = words.find_map(|word| word.strip_prefix("remote="));
    (
        hook,
        relation.unwrap_or_default(),
        remote.unwrap_or_default(),
    )
}

/// Holds Juju's guarantees against what a unit wrote.
///
/// # Panics
/// When one does not hold.
#[track_caller]
pub fn assert_lawful(unit: &str, lines: &[String]) {
    let shown = lines.join("\n");
    let position = |hook: &str| {
        lines
            .iter()
            .position(|line| parts(line).0 == hook)
            .unwrap_or_else(|| panic!("{unit} never ran {hook}:\n{shown}"))
    };
    assert_eq!(position("install"), 0, "{unit}:\n{shown}");
    let start = position("start");
    // Only what had not been so before comes in between.
    let mut between = lines[..start].iter().skip(position("config-changed") + 1);
    let is_news =
        |line: &String| line.contains("-relation-created ") || line.starts_with("leader-");
    assert!(between.all(is_news), "{unit}:\n{shown}");
    let mut last: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for (n, line) in lines.iter().enumerate() {
        let (hook, relation, remote) = parts(line);
        let Some((_, event)) = hook.split_once("-relation-") else {
            continue;
        };
        let before = last.insert(relation, (event, remote));
        let seen = |event: &str| {
            lines[..n].iter().any(|line| {
                let (other, in_relation, with) = parts(line);
                other.ends_with(&format!("-relation-{event}"))
                    && in_relation == relation
                    && (with == remote || event == "created")
            })
        };
        let lawful = match event {
            "created" => before.is_none(),
            "joined" => n > start && seen("created") && (!seen("joined") || seen("departed")),
            "changed" => n > start && seen("joined"),
            "departed" => seen("joined"),
            "broken" => before.is_some_and(|(event, _)| event == "departed" || event == "created"),
            _ => false,
        };
        assert!(lawful, "{unit}: {line:?} is out of order:\n{shown}");
        if let Some(("joined", joined)) = before {
            assert_eq!((event, remote), ("changed", joined), "{unit}:\n{shown}");
        }
    }
}

/// What ran, without what depends on who was first: who else was there, and
/// a changed that came before the other side had written anything.
#[must_use]
pub fn essence(lines: &[String]) -> Vec<String> {
    let told = lines.iter().filter(|line| !line.ends_with(" word="));
    let told = told.map(|line| {
        let words = line.split(' ');
        let words = words.filter(|word| !word.starts_with("members="));
        words.collect::<Vec<_>>().join(" ")
    });
    told.collect()
}
