//! Relations as a table.

use lazuli_api::{RelationInfo, RelationSide};

use super::order::natural;
use super::table::Table;

/// `status --relations`; none when there are none.
pub(crate) fn table(relations: &[RelationInfo]) -> Option<String> {
    let mut rows: Vec<[String; 5]> = relations.iter().filter_map(row).collect();
    rows.sort_by(|one, other| {
        natural(&one[0], &other[0]).then_with(|| natural(&one[1], &other[1]))
    });
    let mut table = Table::new(&[
        "Integration provider",
        "Requirer",
        "Interface",
        "Type",
        "Message",
    ]);
    for row in rows {
        table.row(row);
    }
    (!table.is_empty()).then(|| table.text())
}

fn row(relation: &RelationInfo) -> Option<[String; 5]> {
    let end = |side: &RelationSide| format!("{}:{}", side.application, side.endpoint);
    let with = |role: &str| relation.endpoints.iter().find(|side| side.role == role);
    let first = with("provider").or(relation.endpoints.first())?;
    let last = with("requirer").or(relation.endpoints.last())?;
    let kind = match () {
        () if relation.endpoints.len() == 1 || first.role == "peer" => "peer",
        () if relation
            .endpoints
            .iter()
            .any(|side| side.scope == "container") =>
        {
            "subordinate"
        }
        () => "regular",
    };
    let message = match relation.status.as_str() {
        "joined" => "",
        other => other,
    };
    Some([
        end(first),
        end(last),
        relation.interface.clone(),
        kind.to_owned(),
        message.to_owned(),
    ])
}
