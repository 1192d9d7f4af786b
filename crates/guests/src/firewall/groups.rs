//! Security groups as chains. In them `return` means "this group allows".

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::net::Net;
use crate::rules::{Access, Direction, Ports, Prefix, Protocol, Rule, SecurityGroup};

/// Which of a guest's two chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Inbound,
    Outbound,
}

/// Azure's default rules: the virtual network may connect, the rest may not.
const INBOUND_DEFAULTS: [&str; 2] = ["meta mark and 1 == 1 return", "drop"];

/// Adds the chains of some groups, and names the one to jump to. None means
/// that everything is allowed.
pub(super) fn compile(
    groups: &[SecurityGroup],
    side: Side,
    chains: &mut BTreeMap<String, Vec<String>>,
) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for group in groups {
        let rules = group_rules(group, side);
        if !rules.is_empty() {
            let name = add(chains, rules);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    if groups.is_empty() && side == Side::Inbound {
        names.push(add(chains, INBOUND_DEFAULTS.map(str::to_owned).to_vec()));
    }
    if names.len() < 2 {
        return names.pop();
    }
    let jumps = names.iter().map(|name| format!("jump {name}")).collect();
    Some(add(chains, jumps))
}

fn add(chains: &mut BTreeMap<String, Vec<String>>, rules: Vec<String>) -> String {
    let mut name = hex::encode(Sha256::digest(rules.join("\n")));
    name.truncate(20);
    name.insert(0, 'c');
    chains.insert(name.clone(), rules);
    name
}

fn group_rules(group: &SecurityGroup, side: Side) -> Vec<String> {
    let wanted = match side {
        Side::Inbound => Direction::Inbound,
        Side::Outbound => Direction::Outbound,
    };
    let mut rules: Vec<&Rule> = group
        .rules
        .iter()
        .filter(|rule| rule.direction == wanted)
        .collect();
    rules.sort_by_key(|rule| rule.priority);
    let mut lines = Vec::new();
    for rule in rules {
        lines.extend(rule_lines(rule));
    }
    if side == Side::Inbound {
        lines.extend(INBOUND_DEFAULTS.map(str::to_owned));
    }
    lines
}

/// One rule may need several lines: tags and ranges cannot share a match.
fn rule_lines(rule: &Rule) -> Vec<String> {
    let verdict = match rule.access {
        Access::Allow => "return",
        Access::Deny => "drop",
    };
    let service = service(rule);
    let mut lines = Vec::new();
    for source in prefixes(&rule.sources, "saddr", 1) {
        for destination in prefixes(&rule.destinations, "daddr", 2) {
            let parts = [&source, &destination, &service].map(String::as_str);
            let mut line = parts.into_iter().filter(|part| !part.is_empty()).fold(
                String::new(),
                |mut line, part| {
                    line.push_str(part);
                    line.push(' ');
                    line
                },
            );
            line.push_str(verdict);
            lines.push(line);
        }
    }
    lines
}

/// The matches for a list of prefixes, one for each kind; an empty text
/// matches all, an empty list nothing.
fn prefixes(prefixes: &[Prefix], field: &str, bit: u8) -> Vec<String> {
    let mut nets = Vec::new();
    let mut tags = Vec::new();
    for prefix in prefixes {
        match prefix {
            Prefix::Any => return vec![String::new()],
            Prefix::Net(net) if net.prefix == 0 => return vec![String::new()],
            Prefix::Net(net) => nets.push(*net),
            Prefix::Internet => tags.push(format!("meta mark and {bit} == 0")),
            Prefix::VirtualNetwork => tags.push(format!("meta mark and {bit} == {bit}")),
            Prefix::AzureLoadBalancer => {}
        }
    }
    if prefixes.is_empty() {
        return vec![String::new()];
    }
    tags.sort();
    tags.dedup();
    if !nets.is_empty() {
        let nets: Vec<String> = disjoint(&nets).iter().map(Net::to_string).collect();
        tags.push(format!("ip {field} {{ {} }}", nets.join(", ")));
    }
    tags
}

/// Networks without those that lie in another: nftables refuses overlaps.
pub(super) fn disjoint(nets: &[Net]) -> Vec<Net> {
    let mut nets: Vec<Net> = nets.iter().map(|net| net.network()).collect();
    nets.sort_by_key(|net| (net.prefix, net.address));
    let mut kept: Vec<Net> = Vec::new();
    for net in nets {
        if !kept.iter().any(|wide| wide.overlaps(net)) {
            kept.push(net);
        }
    }
    kept
}

fn service(rule: &Rule) -> String {
    let from = ports(&rule.source_ports);
    let to = ports(&rule.destination_ports);
    let ported = from.is_some() || to.is_some();
    let mut text = match rule.protocol {
        Protocol::Any if ported => "meta l4proto { tcp, udp }",
        Protocol::Any => "",
        Protocol::Tcp => "meta l4proto tcp",
        Protocol::Udp => "meta l4proto udp",
        Protocol::Icmp => return "meta l4proto icmp".to_owned(),
    }
    .to_owned();
    for (field, list) in [("sport", from), ("dport", to)] {
        if let Some(list) = list {
            for part in [" th ", field, " { ", &list, " }"] {
                text.push_str(part);
            }
        }
    }
    text
}

/// Port ranges, merged where they touch; none if all ports are meant.
fn ports(ports: &[Ports]) -> Option<String> {
    let mut sorted: Vec<Ports> = ports.to_vec();
    sorted.sort_by_key(|range| range.first);
    let mut merged: Vec<Ports> = Vec::new();
    for range in sorted {
        match merged.last_mut() {
            Some(last) if range.first <= last.last.saturating_add(1) => {
                last.last = last.last.max(range.last);
            }
            _ => merged.push(range),
        }
    }
    let everything = merged
        .iter()
        .any(|range| range.first == 0 && range.last == u16::MAX);
    if merged.is_empty() || everything {
        return None;
    }
    let shown: Vec<String> = merged
        .iter()
        .map(|range| match range.first == range.last {
            true => range.first.to_string(),
            false => format!("{}-{}", range.first, range.last),
        })
        .collect();
    Some(shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(priority: u16, access: Access) -> Rule {
        Rule {
            direction: Direction::Inbound,
            priority,
            protocol: Protocol::Any,
            sources: Vec::new(),
            source_ports: Vec::new(),
            destinations: Vec::new(),
            destination_ports: Vec::new(),
            access,
        }
    }

    fn lines(rules: Vec<Rule>) -> Vec<String> {
        group_rules(&SecurityGroup { rules }, Side::Inbound)
    }

    #[test]
    fn the_lowest_priority_comes_first_and_defaults_last() {
        let lines = lines(vec![rule(300, Access::Deny), rule(200, Access::Allow)]);
        assert_eq!(
            lines,
            ["return", "drop", "meta mark and 1 == 1 return", "drop"]
        );
    }

    #[test]
    fn tags_and_ranges_get_lines_of_their_own() {
        let mut rule = rule(100, Access::Allow);
        rule.protocol = Protocol::Tcp;
        rule.sources = vec![
            Prefix::Net("10.0.1.0/24".parse().unwrap()),
            Prefix::Internet,
            Prefix::Net("10.0.0.0/16".parse().unwrap()),
        ];
        rule.destination_ports = vec![
            Ports {
                first: 8080,
                last: 8090,
            },
            Ports::one(80),
            Ports::one(8091),
        ];
        assert_eq!(
            lines(vec![rule])[..2],
            [
                "meta mark and 1 == 0 meta l4proto tcp th dport { 80, 8080-8091 } return",
                "ip saddr { 10.0.0.0/16 } meta l4proto tcp th dport { 80, 8080-8091 } return",
            ]
        );
    }

    #[test]
    fn the_load_balancer_matches_nothing() {
        let mut rule = rule(100, Access::Allow);
        rule.sources = vec![Prefix::AzureLoadBalancer];
        assert_eq!(lines(vec![rule]).len(), 2);
    }

    #[test]
    fn several_groups_must_all_allow() {
        let mut chains = BTreeMap::new();
        let open = SecurityGroup {
            rules: vec![rule(100, Access::Allow)],
        };
        let closed = SecurityGroup::default();
        let name = compile(&[open, closed], Side::Inbound, &mut chains).unwrap();
        assert_eq!(chains.len(), 3);
        assert_eq!(chains[&name].len(), 2);
    }

    #[test]
    fn outbound_without_rules_is_open() {
        let mut chains = BTreeMap::new();
        let group = SecurityGroup::default();
        assert_eq!(compile(&[group], Side::Outbound, &mut chains), None);
        assert!(chains.is_empty());
    }
}
