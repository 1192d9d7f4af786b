//! What a request would change, for people.

use std::fmt::Write as _;

use lazuli_api::{ChangeKind, Changed};

/// One line for each thing.
pub(crate) fn lines(changed: &Changed) -> String {
    let mut out = String::new();
    for change in &changed.changes {
        let verb = match change.change {
            ChangeKind::Added => "add",
            ChangeKind::Changed => "change",
            ChangeKind::Removed => "remove",
        };
        let detail = change.detail.as_deref();
        let detail = detail.map_or_else(String::new, |detail| format!(" ({detail})"));
        _ = writeln!(
            out,
            "would {verb} {} {}{detail}",
            change.kind.as_str(),
            change.name
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use lazuli_api::{EntityChange, EntityKind};

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
                change(EntityKind::Application, "a", ChangeKind::Added, None),
                change(EntityKind::Unit, "a/0", ChangeKind::Added, Some("on 3")),
                change(EntityKind::Machine, "3", ChangeKind::Changed, None),
            ],
            ..Changed::default()
        };
        assert_eq!(
            lines(&changed),
            "would add application a\nwould add unit a/0 (on 3)\nwould change machine 3\n"
        );
    }
}
