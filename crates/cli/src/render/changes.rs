//! What a request changes, or would, for people.

use lazuli_api::{ChangeKind, Changed, EntityChange, EntityKind};

/// One line for each thing that a dry run would change.
pub(crate) fn would(changed: &Changed) -> String {
    let line = |change: &EntityChange| {
        let verb = match change.change {
            ChangeKind::Added => "add",
            ChangeKind::Changed => "change",
            ChangeKind::Removed => "remove",
        };
        line(&format!("would {verb}"), change, change.detail.as_deref())
    };
    changed.changes.iter().map(line).collect()
}

/// One line for each thing that goes.
pub(crate) fn will_remove(changed: &Changed) -> String {
    let goes = |change: &&EntityChange| change.change == ChangeKind::Removed;
    let line = |change: &EntityChange| {
        // A relation's number says nothing to people; its ends do.
        let relation = change.kind == EntityKind::Relation;
        let detail = change.detail.as_deref().filter(|_| relation);
        line("will remove", change, detail)
    };
    changed.changes.iter().filter(goes).map(line).collect()
}

fn line(what: &str, change: &EntityChange, detail: Option<&str>) -> String {
    let detail = detail.map_or_else(String::new, |detail| format!(" ({detail})"));
    format!("{what} {} {}{detail}\n", change.kind.as_str(), change.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_a_line() {
        let change = |kind, name: &str, change, detail: Option<&str>| EntityChange {
            kind,
            name: name.to_owned(),
            change,
            detail: detail.map(str::to_owned),
        };
        let changed = Changed {
            changes: vec![
                change(EntityKind::Unit, "a/0", ChangeKind::Added, Some("on 3")),
                change(EntityKind::Application, "a", ChangeKind::Removed, None),
                change(
                    EntityKind::Relation,
                    "3",
                    ChangeKind::Removed,
                    Some("a:x b:y"),
                ),
                change(EntityKind::Machine, "3", ChangeKind::Changed, None),
            ],
            ..Changed::default()
        };
        assert_eq!(
            would(&changed),
            "would add unit a/0 (on 3)\nwould remove application a\n\
             would remove relation 3 (a:x b:y)\nwould change machine 3\n"
        );
        assert_eq!(
            will_remove(&changed),
            "will remove application a\nwill remove relation 3 (a:x b:y)\n"
        );
    }
}
