//! `status` in few words: one line per unit, and a summary.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lazuli_model::document::status::{Status, Unit};

use super::order::sorted;
use super::status_rows::{ports, units_of};

/// One line per unit (`oneline`, `line`, `short`).
pub(crate) fn lines(status: &Status) -> String {
    let mut out = String::new();
    for (_, application) in sorted(&status.applications) {
        for (name, unit) in sorted(&application.units) {
            line(&mut out, name, unit, 0);
        }
    }
    out
}

/// How many there are of each (`summary`).
pub(crate) fn summary(status: &Status) -> String {
    let mut units = Vec::new();
    for application in status.applications.values() {
        for unit in application.units.values() {
            units.push(unit);
            units.extend(unit.subordinates.values());
        }
    }
    let machines = status.machines.values();
    let mut out = String::new();
    let open: Vec<String> = units
        .iter()
        .flat_map(|unit| unit.open_ports.iter().cloned())
        .collect();
    _ = writeln!(out, "Utilizing ports: {}\n", ports(&open));
    counts(
        &mut out,
        "Machines",
        machines.map(|machine| machine.juju_status.current.as_str()),
    );
    counts(
        &mut out,
        "Units",
        units
            .iter()
            .map(|unit| unit.workload_status.current.as_str()),
    );
    _ = writeln!(out, "# Applications: ({})", status.applications.len());
    for (name, application) in sorted(&status.applications) {
        let units = units_of(status, name, application);
        let active = units
            .iter()
            .filter(|unit| unit.workload_status.current == "active");
        let exposed = if application.exposed { "  exposed" } else { "" };
        _ = writeln!(out, "  {name}  {}/{}{exposed}", active.count(), units.len());
    }
    out
}

fn line(out: &mut String, name: &str, unit: &Unit, depth: usize) {
    let open = match unit.open_ports.as_slice() {
        [] => String::new(),
        open => format!(" {}", open.join(", ")),
    };
    _ = writeln!(
        out,
        "{}- {name}: {} (agent:{}, workload:{}){open}",
        "  ".repeat(depth),
        unit.public_address,
        unit.juju_status.current,
        unit.workload_status.current,
    );
    for (name, subordinate) in sorted(&unit.subordinates) {
        line(out, name, subordinate, depth + 1);
    }
}

fn counts<'a>(out: &mut String, title: &str, words: impl Iterator<Item = &'a str>) {
    let mut found: BTreeMap<&str, u32> = BTreeMap::new();
    for word in words {
        *found.entry(word).or_default() += 1;
    }
    _ = writeln!(out, "# {title}: ({})", found.values().sum::<u32>());
    for (word, count) in found {
        _ = writeln!(out, "  {word}: {count}");
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::status::tests::sample;
    use super::*;

    #[test]
    fn a_unit_is_a_line() {
        assert_eq!(
            lines(&sample()),
            "- webapp/0: 10.64.0.4 (agent:idle, workload:active) 80/tcp, 443/tcp, 53/udp\n  \
             - nrpe/0: 10.64.0.4 (agent:executing, workload:active)\n\
             - webapp/10: 10.64.0.4 (agent:allocating, workload:waiting)\n"
        );
    }

    #[test]
    fn a_summary_counts() {
        assert_eq!(
            summary(&sample()),
            "Utilizing ports: 80,443/tcp 53/udp\n\n\
             # Machines: (2)\n  pending: 1\n  started: 1\n\n\
             # Units: (3)\n  active: 2\n  waiting: 1\n\n\
             # Applications: (2)\n  nrpe  1/1\n  webapp  1/2  exposed\n"
        );
    }
}
