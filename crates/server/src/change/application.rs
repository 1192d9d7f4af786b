//! What an application asks of its machines, and its trust.

use lazuli_model::base::Base;
use lazuli_model::state::Row;

use super::{Draft, Refusal, application, base, deploy};

/// Replaces the constraints of machines to come.
pub(crate) fn set_constraints(
    draft: &mut Draft<'_>,
    name: &str,
    text: &str,
) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let charm = draft.state.charm(row.charm);
    if charm.is_some_and(|charm| charm.charm.meta.subordinate) {
        return Err(Refusal::invalid(
            "constraints do not apply to subordinate applications",
        ));
    }
    row.constraints = deploy::new_constraints(draft, Some(text))?;
    draft.put(Row::Application(row));
    Ok(())
}

/// Sets whether it may use the cloud's credential.
pub(crate) fn set_trust(draft: &mut Draft<'_>, name: &str, trust: bool) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    row.trust = trust;
    draft.put(Row::Application(row));
    Ok(())
}

/// Sets the base of machines to come.
pub(crate) fn set_base(draft: &mut Draft<'_>, name: &str, text: &str) -> Result<(), Refusal> {
    let mut row = application(draft.state, name)?.clone();
    let wanted: Base = text
        .parse()
        .map_err(|error| Refusal::from(error).at("/base"))?;
    base::check_supported(&wanted)?;
    if let Some(charm) = draft.state.charm(row.charm) {
        base::check_charm(&wanted, &charm.charm.bases())?;
    }
    row.base = wanted;
    draft.put(Row::Application(row));
    Ok(())
}
