//! The spaces of a model themselves.

use lazuli_model::names::SpaceName;
use lazuli_model::range::Range;
use lazuli_model::state::{ALPHA, Model, ModelState, Row, Space, Subnets};

use super::{Draft, Refusal, spaces};

/// Spaces that a model may have.
const MOST: usize = 50;
/// Subnets that its network may have.
const MOST_SUBNETS: usize = 250;
/// The length of a new subnet's prefix, where nobody says which it is.
const PREFIX: u8 = 24;
/// The smallest subnet that Azure takes.
const SMALLEST: u8 = 29;

/// Makes a space, of the subnets with these ranges: one that is there moves to
/// it, another is made. Without any it gets the next range that is free.
pub(crate) fn add_space(
    draft: &mut Draft<'_>,
    name: &str,
    ranges: &[String],
) -> Result<(), Refusal> {
    draft.check_alive()?;
    let mut row = with_spaces(draft.state.model());
    check_new(&row, name)?;
    if row.spaces.len() >= MOST {
        return Err(Refusal::invalid(format!(
            "a model can have {MOST} spaces at most"
        )));
    }
    let last = row.spaces.values().map(|space| space.number).max();
    let space = Space {
        number: last.map_or(1, |last| last + 1),
        ..Space::default()
    };
    row.spaces.insert(name.to_owned(), space);
    let free = match ranges {
        [] => vec![free(&row)?],
        _ => Vec::new(),
    };
    take(
        draft.state,
        &mut row,
        name,
        &[ranges, &free].concat(),
        false,
    )?;
    draft.put(Row::Model(row));
    Ok(())
}

/// Moves subnets to a space; those that are not there are made.
pub(crate) fn move_to_space(
    draft: &mut Draft<'_>,
    name: &str,
    ranges: &[String],
    force: bool,
) -> Result<(), Refusal> {
    let mut row = with_spaces(draft.state.model());
    spaces::check(&row, name)?;
    take(draft.state, &mut row, name, ranges, force)?;
    draft.put(Row::Model(row));
    Ok(())
}

/// Gives a space another name, everywhere.
pub(crate) fn rename_space(draft: &mut Draft<'_>, name: &str, new: &str) -> Result<(), Refusal> {
    let row = with_spaces(draft.state.model());
    spaces::check(&row, name)?;
    if name == ALPHA {
        return Err(Refusal::conflict("the \"alpha\" space cannot be renamed"));
    }
    check_new(&row, new)?;
    respell(draft, row, name, new);
    Ok(())
}

/// Removes a space; its subnets are the first space's then. What names it is
/// in the way, unless it is forced: then that names the first space too.
pub(crate) fn remove_space(draft: &mut Draft<'_>, name: &str, force: bool) -> Result<(), Refusal> {
    let row = with_spaces(draft.state.model());
    spaces::check(&row, name)?;
    if name == ALPHA {
        return Err(Refusal::conflict("the \"alpha\" space cannot be removed"));
    }
    let users = users(draft.state, name);
    if !force && !users.is_empty() {
        return Err(Refusal::conflict(format!(
            "cannot remove space {name:?}: it is used by {}; --force binds these to {ALPHA:?}",
            users.join(", ")
        )));
    }
    respell(draft, row, name, ALPHA);
    Ok(())
}

/// The row with its spaces written down.
fn with_spaces(model: &Model) -> Model {
    Model {
        spaces: model.all_spaces(),
        ..model.clone()
    }
}

fn check_new(row: &Model, name: &str) -> Result<(), Refusal> {
    name.parse::<SpaceName>()
        .map_err(|error| Refusal::from(error).at("/name"))?;
    match row.spaces.contains_key(name) {
        true => Err(Refusal::exists(format!("space {name:?} already exists"))),
        false => Ok(()),
    }
}

fn ranges(row: &Model) -> impl Iterator<Item = Range> {
    let subnets = row.spaces.values().flat_map(|space| space.subnets.keys());
    subnets.filter_map(|range| range.parse().ok())
}

/// The next range of the network that no subnet has.
fn free(row: &Model) -> Result<String, Refusal> {
    let whole: Option<Range> = row.address_range.parse().ok();
    let taken: Vec<Range> = ranges(row).collect();
    let found = whole.and_then(|whole| {
        let prefix = PREFIX.max(whole.prefix() + 3);
        whole.free(prefix, &taken)
    });
    found.map(|range| range.to_string()).ok_or_else(|| {
        Refusal::conflict(format!(
            "all of the model's network, {}, is taken by subnets: name the ones to take",
            row.address_range
        ))
    })
}

fn take(
    state: &ModelState,
    row: &mut Model,
    space: &str,
    wanted: &[String],
    force: bool,
) -> Result<(), Refusal> {
    for text in wanted {
        let at = |refusal: Refusal| refusal.at("/subnets");
        let range: Range = text
            .parse()
            .map_err(|error| at(Refusal::invalid(format!("{text:?}: {error}"))))?;
        let text = range.to_string();
        let owner = row.spaces.iter();
        let owner = owner.filter(|(_, one)| one.subnets.contains_key(&text));
        let owner = owner.map(|(name, _)| name.clone()).next();
        let name = match owner {
            Some(owner) if owner == space => continue,
            Some(owner) => {
                if !force && let Some(machine) = machine_in(state, range) {
                    return Err(at(Refusal::conflict(format!(
                        "cannot move subnet {text} from space {owner:?}: machine {machine} has \
                         an address in it; --force moves it nevertheless"
                    ))));
                }
                let subnets = row.spaces.get_mut(&owner).map(|one| &mut one.subnets);
                subnets.and_then(|subnets| subnets.remove(&text))
            }
            None => {
                check_free(row, range).map_err(at)?;
                Some(format!("subnet-{}", text.replace(['.', '/'], "-")))
            }
        };
        if let (Some(name), Some(space)) = (name, row.spaces.get_mut(space)) {
            space.subnets.insert(text, name);
        }
    }
    Ok(())
}

fn check_free(row: &Model, range: Range) -> Result<(), Refusal> {
    let whole: Option<Range> = row.address_range.parse().ok();
    if !whole.is_some_and(|whole| whole.holds(range)) {
        return Err(Refusal::invalid(format!(
            "subnet {range} is not in the model's network, {}",
            row.address_range
        )));
    }
    if range.prefix() > SMALLEST {
        return Err(Refusal::invalid(format!(
            "subnet {range} is too small: Azure takes /{SMALLEST} and larger"
        )));
    }
    let mut met = ranges(row).filter(|other| other.holds(range) || range.holds(*other));
    if let Some(other) = met.next() {
        return Err(Refusal::conflict(format!(
            "subnet {range} overlaps with subnet {other}"
        )));
    }
    if ranges(row).count() >= MOST_SUBNETS {
        return Err(Refusal::invalid(format!(
            "a model's network can have {MOST_SUBNETS} subnets at most"
        )));
    }
    Ok(())
}

fn machine_in(state: &ModelState, range: Range) -> Option<String> {
    let subnets = Subnets::of(state.model());
    let has = |machine: &&lazuli_model::state::Machine| {
        let known = state.machine_state(machine.id);
        known.is_some_and(|known| {
            let located = known.located(&subnets);
            located.iter().any(|one| range.contains(one.address))
        })
    };
    state
        .machines()
        .find(has)
        .map(|machine| machine.name.to_string())
}

/// Who names a space, for people.
fn users(state: &ModelState, name: &str) -> Vec<String> {
    let model = state.model();
    let mut users = Vec::new();
    if model.default_space() == name {
        users.push("the model's default-space".to_owned());
    }
    if names(&model.constraints, name) {
        users.push("the model's constraints".to_owned());
    }
    for row in state.applications() {
        let exposed = row.exposed.iter().flatten();
        let exposed = exposed.flat_map(|(_, rule)| &rule.spaces);
        let uses = [
            ("bindings", row.bindings.values().any(|space| space == name)),
            ("constraints", names(&row.constraints, name)),
            ("exposure", exposed.into_iter().any(|space| space == name)),
        ];
        let uses = uses.into_iter().filter(|(_, uses)| *uses);
        users.extend(uses.map(|(what, _)| format!("the {what} of {}", row.name)));
    }
    let machines = state
        .machines()
        .filter(|row| row.spaces.iter().any(|space| space == name));
    users.extend(machines.map(|row| format!("machine {}", row.name)));
    users
}

fn names(constraints: &lazuli_model::constraints::Constraints, name: &str) -> bool {
    let spaces = constraints.spaces.iter().flatten();
    spaces
        .into_iter()
        .any(|space| space.strip_prefix('^').unwrap_or(space) == name)
}

/// Lets all that names a space name another, which takes its subnets.
fn respell(draft: &mut Draft<'_>, mut model: Model, from: &str, to: &str) {
    let spell = |space: &mut String| {
        if space == from {
            to.clone_into(space);
        } else if space.strip_prefix('^') == Some(from) {
            *space = format!("^{to}");
        }
    };
    if let Some(old) = model.spaces.remove(from) {
        let fresh = Space {
            number: old.number,
            ..Space::default()
        };
        let space = model.spaces.entry(to.to_owned()).or_insert(fresh);
        space.subnets.extend(old.subnets);
    }
    if let Some(default) = model.config.get_mut("default-space") {
        spell(default);
    }
    model
        .constraints
        .spaces
        .iter_mut()
        .flatten()
        .for_each(spell);
    draft.put(Row::Model(model));
    for row in draft.state.applications() {
        let mut new = row.clone();
        new.bindings.values_mut().for_each(spell);
        new.constraints.spaces.iter_mut().flatten().for_each(spell);
        for rule in new.exposed.iter_mut().flat_map(|rules| rules.values_mut()) {
            rule.spaces.iter_mut().for_each(spell);
        }
        if new != *row {
            draft.put(Row::Application(new));
        }
    }
    for row in draft.state.machines() {
        let mut new = row.clone();
        new.spaces.iter_mut().for_each(spell);
        new.spaces.dedup();
        new.constraints.spaces.iter_mut().flatten().for_each(spell);
        if new != *row {
            draft.put(Row::Machine(new));
        }
    }
}
