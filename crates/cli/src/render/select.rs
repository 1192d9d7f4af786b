//! The part of a status that selectors name.

use std::collections::BTreeSet;

use lazuli_model::document::status::{Status, Unit};

use super::order::fits;

/// Keeps what any of the selectors names, and what that stands on or belongs
/// to. A selector is a machine, an application, a unit (with `*`), or a
/// status word.
pub(crate) fn select(status: &mut Status, selectors: &[String]) {
    if selectors.is_empty() {
        return;
    }
    let mut machines = BTreeSet::new();
    for (name, machine) in &status.machines {
        let words = [
            &machine.juju_status.current,
            &machine.machine_status.current,
        ];
        let named = |selector: &String| {
            (is_machine(selector) && fits(selector, name)) || words.contains(&selector)
        };
        if selectors.iter().any(named) {
            machines.insert(name.clone());
        }
    }
    let named_machines: BTreeSet<&String> = machines
        .iter()
        .filter(|machine| {
            let named = |selector: &String| is_machine(selector) && fits(selector, machine);
            selectors.iter().any(named)
        })
        .collect();
    let mut kept_machines = machines.clone();
    let mut principals = BTreeSet::new();
    status.applications.retain(|name, application| {
        let word = &application.application_status.current;
        let whole = selectors.iter().any(|selector| fits(selector, name));
        let by_word = selectors.contains(word);
        application.units.retain(|unit, content| {
            let chosen = whole
                || named_machines.contains(&content.machine)
                || selectors
                    .iter()
                    .any(|selector| names(selector, unit, content));
            if chosen {
                kept_machines.insert(content.machine.clone());
                let below = content.subordinates.keys();
                principals
                    .extend(below.filter_map(|unit| Some(unit.rsplit_once('/')?.0.to_owned())));
            }
            chosen
        });
        whole || by_word || !application.units.is_empty() || !application.subordinate_to.is_empty()
    });
    status.applications.retain(|name, application| {
        application.subordinate_to.is_empty()
            || principals.contains(name)
            || selectors.iter().any(|selector| fits(selector, name))
    });
    status
        .machines
        .retain(|name, _| kept_machines.contains(name));
    let fits_any = |name: &String| selectors.iter().any(|selector| fits(selector, name));
    status
        .application_endpoints
        .retain(|name, _| fits_any(name));
    status.offers.retain(|name, _| fits_any(name));
}

/// Whether a selector names a unit: itself, one below it, or by its state.
fn names(selector: &String, name: &str, unit: &Unit) -> bool {
    let by_name = selector.contains('/') && fits(selector, name);
    let by_word =
        *selector == unit.workload_status.current || *selector == unit.juju_status.current;
    let application = |unit: &str| unit.rsplit_once('/').map(|(name, _)| name.to_owned());
    by_name
        || by_word
        || unit.subordinates.iter().any(|(below, content)| {
            names(selector, below, content)
                || application(below).is_some_and(|application| fits(selector, &application))
        })
}

fn is_machine(selector: &str) -> bool {
    selector.starts_with(|one: char| one.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::sample;
    use super::*;

    fn kept(selectors: &[&str]) -> (Vec<String>, Vec<String>, Vec<String>) {
        let mut status = sample();
        let selectors: Vec<String> = selectors.iter().map(|one| (*one).to_owned()).collect();
        select(&mut status, &selectors);
        let units = status
            .applications
            .values()
            .flat_map(|one| one.units.keys());
        let units = units.cloned().collect();
        (
            status.applications.into_keys().collect(),
            units,
            status.machines.into_keys().collect(),
        )
    }

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn no_selector_keeps_all() {
        assert_eq!(kept(&[]).1, texts(&["webapp/0", "webapp/10"]));
    }

    #[test]
    fn a_unit_brings_its_application_and_machine() {
        let all = (texts(&["webapp"]), texts(&["webapp/10"]), texts(&["10"]));
        assert_eq!(kept(&["webapp/10"]), all);
        assert_eq!(kept(&["10"]), all);
        assert_eq!(kept(&["waiting"]).1, texts(&["webapp/10"]));
    }

    #[test]
    fn a_subordinate_brings_its_principal() {
        let all = (
            texts(&["nrpe", "webapp"]),
            texts(&["webapp/0"]),
            texts(&["0"]),
        );
        assert_eq!(kept(&["nrpe"]), all);
        assert_eq!(kept(&["nrpe/*"]), all);
    }

    #[test]
    fn what_fits_nothing_leaves_nothing() {
        assert_eq!(kept(&["no-such"]), (vec![], vec![], vec![]));
    }
}
