//! From one state of a router to another, in one transaction.

use std::collections::BTreeSet;

use super::router::{FIXED, Rendered};

/// The commands for `nft -f -`; empty if there is nothing to change. Without
/// a state before, whatever was there is replaced.
pub(crate) fn transaction(before: Option<&Rendered>, after: &Rendered) -> String {
    let mut text = String::new();
    let empty = Rendered::default();
    let before = before.unwrap_or_else(|| {
        text.push_str("table ip lazuli\ndelete table ip lazuli\n");
        text.push_str(FIXED);
        &empty
    });
    let new = |name: &&String| !before.chains.contains_key(*name);
    let old = |name: &&String| !after.chains.contains_key(*name);
    for name in after.chains.keys().filter(new) {
        line(&mut text, &["add chain ip lazuli ", name]);
    }
    for name in after.chains.keys().filter(new) {
        for rule in &after.chains[name] {
            line(&mut text, &["add rule ip lazuli ", name, " ", rule]);
        }
    }
    elements(&mut text, "delete", before, after);
    elements(&mut text, "add", after, before);
    for name in before.chains.keys().filter(old) {
        line(&mut text, &["flush chain ip lazuli ", name]);
    }
    for name in before.chains.keys().filter(old) {
        line(&mut text, &["delete chain ip lazuli ", name]);
    }
    text
}

/// One command per set, for what is in `these` but not in `those`.
fn elements(text: &mut String, verb: &str, these: &Rendered, those: &Rendered) {
    let none = BTreeSet::new();
    for (set, elements) in &these.sets {
        let others = those.sets.get(set).unwrap_or(&none);
        let differing: Vec<&str> = elements.difference(others).map(String::as_str).collect();
        if !differing.is_empty() {
            let list = differing.join(", ");
            line(
                text,
                &[verb, " element ip lazuli ", set, " { ", &list, " }"],
            );
        }
    }
}

fn line(text: &mut String, parts: &[&str]) {
    for part in parts {
        text.push_str(part);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::router::{GuestRules, Router};
    use super::*;
    use crate::rules::{Access, Direction, Ports, Prefix, Protocol, Rule, SecurityGroup};
    use crate::spec::Egress;

    fn router(guests: Vec<GuestRules>) -> Rendered {
        Router {
            ranges: vec!["10.0.0.0/16".parse().unwrap()],
            direct: true,
            nat_address: "198.18.0.1".parse().unwrap(),
            guests,
        }
        .render()
    }

    fn guest(last: u8, port: Option<u16>) -> GuestRules {
        let rule = |port| Rule {
            direction: Direction::Inbound,
            priority: 100,
            protocol: Protocol::Tcp,
            sources: vec![Prefix::Internet],
            source_ports: Vec::new(),
            destinations: Vec::new(),
            destination_ports: vec![Ports::one(port)],
            access: Access::Allow,
        };
        GuestRules {
            address: [10, 0, 0, last].into(),
            public: None,
            egress: Egress::None,
            groups: port
                .map(|port| SecurityGroup {
                    rules: vec![rule(port)],
                })
                .into_iter()
                .collect(),
        }
    }

    #[test]
    fn a_first_state_replaces_everything() {
        let text = transaction(None, &router(Vec::new()));
        assert!(text.starts_with("table ip lazuli\ndelete table ip lazuli\n"));
        assert!(text.contains("add element ip lazuli ranges { 10.0.0.0/16 }"));
    }

    #[test]
    fn equal_states_need_nothing() {
        let state = router(vec![guest(4, Some(80))]);
        assert_eq!(transaction(Some(&state), &state), "");
    }

    #[test]
    fn equal_rules_share_chains() {
        let one = router(vec![guest(4, Some(80))]);
        let two = router(vec![guest(4, Some(80)), guest(5, Some(80))]);
        assert_eq!(one.chains, two.chains);
        let text = transaction(Some(&one), &two);
        assert!(!text.contains("chain"), "{text}");
        assert!(text.contains("add element ip lazuli guests { 10.0.0.5 }"));
    }

    #[test]
    fn a_changed_rule_swaps_the_chain() {
        let before = router(vec![guest(4, Some(80))]);
        let after = router(vec![guest(4, Some(81))]);
        let text = transaction(Some(&before), &after);
        let at = |needle: &str| text.find(needle).unwrap();
        assert!(at("add chain") < at("delete element"));
        assert!(at("delete element") < at("add element"));
        assert!(at("add element") < at("delete chain"));
    }
}
