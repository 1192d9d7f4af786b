//! Where an application's charm comes from.

use lazuli_model::state::{Application, CharmSource, Row, RowKey};

use super::Draft;

/// Notes the channel that newer revisions are looked for in, and whether units
/// in error change to the charm as well.
pub(super) fn follow(draft: &mut Draft<'_>, row: &Application, channel: Option<&str>, force: bool) {
    let source = CharmSource {
        application: row.id,
        channel: channel.map(str::to_owned),
        forced: force.then_some(row.charm),
    };
    if source.channel.is_some() || source.forced.is_some() {
        draft.put(Row::CharmSource(source));
    } else if draft.state.charm_source(row.id).is_some() {
        draft.delete(RowKey::CharmSource(row.id));
    }
}
