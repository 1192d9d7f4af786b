//! What a removal takes with it, for people.

use std::fmt::Write as _;

use lazuli_api::{ChangeKind, Changed, EntityKind};

/// One line for each thing that goes.
pub(crate) fn lines(changed: &Changed) -> String {
    let mut out = String::new();
    for change in &changed.changes {
        if change.change != ChangeKind::Removed {
            continue;
        }
        let more = match (&change.detail, change.kind) {
            (Some(detail), EntityKind::Relation) => format!(" ({detail})"),
            _ => String::new(),
        };
        _ = writeln!(
            out,
            "will remove {} {}{more}",
            change.kind.as_str(),
            change.name
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use lazuli_api::EntityChange;

    use super::*;

    #[test]
    fn each_thing_that_goes_is_named() {
        let change = |kind, name: &str, change, detail: Option<&str>| EntityChange {
            kind,
            name: name.to_owned(),
            change,
            detail: detail.map(str::to_owned),
        };
        let changed = Changed {
            changes: vec![
                change(EntityKind::Application, "a", ChangeKind::Removed, None),
                change(
                    EntityKind::Relation,
                    "3",
                    ChangeKind::Removed,
                    Some("a:x b:y"),
                ),
                change(EntityKind::Unit, "b/0", ChangeKind::Changed, None),
            ],
            ..Changed::default()
        };
        assert_eq!(
            lines(&changed),
            "will remove application a\nwill remove relation 3 (a:x b:y)\n"
        );
    }
}
