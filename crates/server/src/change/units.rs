//! Adding units, and resolving their errors.

use lazuli_api::{AddUnits, Resolved};
use lazuli_model::charm::Charm;
use lazuli_model::id::{GenericUuid, UnitId};
use lazuli_model::life::Life;
use lazuli_model::names::UnitName;
use lazuli_model::placement::Placement;
use lazuli_model::state::{Application, Resolve, Row, Unit};

use super::place::{self, Wanted};
use super::{Draft, Refusal, application, spaces, storage, unit};

/// Units that one request may add.
const MOST: u32 = 5000;

/// A number of units that one request may add.
#[derive(Clone, Copy)]
pub(super) struct Count(u32);

/// Checks a number of units against their placements and the limit.
pub(super) fn count(count: u32, placements: &[String]) -> Result<Count, Refusal> {
    if count > MOST {
        return Err(Refusal::invalid(format!(
            "{count} units at once are too many: at most {MOST}, then add more"
        )));
    }
    if placements.len() > count as usize {
        return Err(Refusal::invalid(format!(
            "{} placements for {count} units: give at most one for each",
            placements.len()
        ))
        .at("/placement"));
    }
    Ok(Count(count))
}

/// Adds units to an application that exists.
pub(crate) fn add_units(
    draft: &mut Draft<'_>,
    name: &str,
    request: &AddUnits,
) -> Result<(), Refusal> {
    draft.check_alive()?;
    let mut row = application(draft.state, name)?.clone();
    let state = draft.state;
    let charm = state
        .charm(row.charm)
        .ok_or_else(|| Refusal::not_found("charm of application", name))?;
    if charm.charm.meta.subordinate {
        return Err(Refusal::invalid(format!(
            "cannot add unit to application {name:?}: application is a subordinate"
        )));
    }
    if row.life != Life::Alive {
        return Err(Refusal::conflict(format!(
            "cannot add unit to application {name:?}: application is not found or not alive"
        )));
    }
    if request.count == 0 {
        return Err(Refusal::invalid("must add at least one unit").at("/count"));
    }
    let count = count(request.count, &request.placement)?;
    let placements = place::read(&request.placement)?;
    add(
        draft,
        (&mut row, &charm.charm),
        count,
        &placements,
        &request.attach_storage,
    )?;
    draft.put(Row::Application(row));
    Ok(())
}

/// Adds units, each with its machine; those beyond the placements get new
/// ones.
pub(super) fn add(
    draft: &mut Draft<'_>,
    (row, charm): (&mut Application, &Charm),
    Count(count): Count,
    placements: &[Placement],
    attached: &[String],
) -> Result<(), Refusal> {
    if !attached.is_empty() && count != 1 {
        return Err(
            Refusal::invalid("--attach-storage cannot be used with more than one unit")
                .at("/attach_storage"),
        );
    }
    let constraints = row.constraints.over(&draft.state.model().constraints);
    let constraints = constraints.without_cleared();
    let spaces = spaces::of_machine(draft.state.model(), row.bound_spaces(charm), &constraints)?;
    for n in 0..count {
        let name = UnitName::new(row.name.clone(), row.next_unit);
        let placement = placements.get(n as usize).unwrap_or(&Placement::New);
        let wanted = Wanted {
            base: &row.base,
            constraints: &constraints,
            spaces: &spaces,
        };
        let machine = draft.place(placement, &wanted).map_err(|refusal| {
            refusal.within(&format!("cannot add unit {:?}", name.to_string()))
        })?;
        row.next_unit += 1;
        let id = UnitId::from_untyped_uuid(draft.numbers.id());
        storage::of_unit(draft, row, id, machine, attached)?;
        draft.put(Row::Unit(Unit {
            id,
            name,
            application: row.id,
            machine,
            principal: None,
            life: Life::Alive,
            force: false,
            resolve: None,
            created_at: draft.now,
        }));
    }
    Ok(())
}

/// Resolves a unit's error: its hook runs again, or counts as done.
pub(crate) fn resolve(draft: &mut Draft<'_>, name: &str, request: Resolved) -> Result<(), Refusal> {
    let mut row = unit(draft.state, name)?.clone();
    let done = draft.state.unit_state(row.id);
    if done.is_none_or(|done| done.error.is_none()) {
        return Err(Refusal::conflict(format!(
            "unit {:?} is not in an error state",
            row.name.to_string()
        )));
    }
    let heeded = done.map_or(0, |done| done.resolved);
    let asked = row.resolve.map_or(0, |resolve| resolve.seq);
    if asked > heeded && row.resolve.is_some_and(|last| last.retry == request.retry) {
        return Err(Refusal::conflict(format!(
            "cannot set resolved mode for unit {:?}: already resolved",
            row.name.to_string()
        )));
    }
    row.resolve = Some(Resolve {
        seq: asked.max(heeded) + 1,
        retry: request.retry,
    });
    draft.put(Row::Unit(row));
    Ok(())
}
