//! What was decided, done and observed.

use lazuli_model::hook::{Hook, RelationHook, RelationHookKind};
use lazuli_model::state::*;
use lazuli_model::status::{Status, StatusKey};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::common;

pub(super) fn leader() -> impl Strategy<Value = Row> {
    (ids(), of(ids()), of(at()), settings(), version()).prop_map(
        |(application, unit, granted_until, settings, version)| {
            Row::Leader(Leader {
                application,
                unit,
                granted_until,
                settings,
                version,
            })
        },
    )
}

fn facts() -> impl Strategy<Value = MachineFacts> {
    (text(), word(), any::<u32>(), any::<u64>()).prop_map(|(hostname, arch, cores, mem)| {
        MachineFacts {
            hostname,
            arch,
            cores,
            mem,
            os: "ubuntu".to_owned(),
            os_version: "24.04".to_owned(),
            boot_id: "boot".to_owned(),
            machine_id: "machine".to_owned(),
        }
    })
}

pub(super) fn machine_state() -> impl Strategy<Value = Row> {
    let addresses = (
        of(any::<std::net::IpAddr>()),
        of(any::<std::net::IpAddr>()),
        of(word()),
        vec(text(), 0..3),
    );
    let unreachable = (text(), at()).prop_map(|(reason, since)| Unreachable { reason, since });
    let failure = (class(), text(), any::<u32>(), of(at())).prop_map(
        |(class, message, attempts, next_try)| ProvisioningFailure {
            class,
            message,
            attempts,
            next_try,
        },
    );
    (
        ids(),
        1_u32..99,
        addresses,
        of(facts()),
        of(unreachable),
        of(failure),
    )
        .prop_map(
            |(machine, generation, addresses, facts, unreachable, failure)| {
                let (address, public_address, mac, host_keys) = addresses;
                Row::MachineState(MachineState {
                    interfaces: Vec::new(),
                    machine,
                    generation,
                    address,
                    public_address,
                    mac,
                    host_keys,
                    facts,
                    unreachable,
                    failure,
                })
            },
        )
}

fn hook() -> impl Strategy<Value = Hook> {
    let kind = select(vec![
        RelationHookKind::Created,
        RelationHookKind::Changed,
        RelationHookKind::Broken,
    ]);
    prop_oneof![
        Just(Hook::Install),
        Just(Hook::UpdateStatus),
        (kind, ids(), of(ids()), of(ids())).prop_map(|(kind, relation, remote, departing)| {
            Hook::Relation(RelationHook {
                kind,
                relation,
                remote,
                departing,
            })
        }),
    ]
}

pub(super) fn unit_state() -> impl Strategy<Value = Row> {
    let error = (hook(), any::<u32>(), text(), at(), of(at())).prop_map(
        |(hook, attempts, reason, since, next_try)| HookError {
            hook,
            attempts,
            reason,
            since,
            next_try,
        },
    );
    let leadership = prop_oneof![
        Just(LeadershipSeen::Nothing),
        Just(LeadershipSeen::Elected),
        version().prop_map(|version| LeadershipSeen::Follower { version }),
    ];
    let done = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let seen = (of(text()), leadership, of(text()), of(text()));
    (
        ids(),
        version(),
        of(ids()),
        done,
        seen,
        of(error),
        (version(), of(at())),
    )
        .prop_map(|(unit, hook_seq, charm, done, seen, error, rest)| {
            let (installed, started, stopped, removed) = done;
            let (config_seen, leadership_seen, boot_seen, workload_version) = seen;
            let (resolved, updated_at) = rest;
            Row::UnitState(UnitState {
                unit,
                hook_seq,
                charm,
                installed,
                started,
                stopped,
                removed,
                config_seen,
                leadership_seen,
                boot_seen,
                error,
                resolved,
                updated_at,
                workload_version,
            })
        })
}

pub(super) fn opened_port() -> impl Strategy<Value = Row> {
    let range = select(vec!["80/tcp", "8000-8088/udp", "icmp"]);
    (ids(), text(), range).prop_map(|(unit, endpoint, range)| {
        Row::OpenedPort(OpenedPort {
            unit,
            endpoint,
            range: range.parse().unwrap(),
        })
    })
}

pub(super) fn charm_state() -> impl Strategy<Value = Row> {
    (ids(), settings()).prop_map(|(unit, state)| Row::CharmState(CharmState { unit, state }))
}

pub(super) fn relation_rows() -> impl Strategy<Value = Row> {
    prop_oneof![
        (
            ids(),
            ids(),
            0_u32..99,
            any::<bool>(),
            settings(),
            version()
        )
            .prop_map(|(relation, unit, n, in_scope, settings, version)| {
                Row::RelationUnit(RelationUnit {
                    relation,
                    unit,
                    name: format!("mysql/{n}").parse().unwrap(),
                    in_scope,
                    settings,
                    version,
                })
            }),
        (ids(), ids(), settings(), version()).prop_map(
            |(relation, application, settings, version)| {
                Row::RelationApplication(RelationApplication {
                    relation,
                    application,
                    settings,
                    version,
                })
            }
        ),
        (ids(), ids(), any::<bool>(), any::<bool>(), version()).prop_map(
            |(unit, relation, created, broken, app_version)| {
                Row::RelationSeen(RelationSeen {
                    unit,
                    relation,
                    created,
                    broken,
                    app_version,
                })
            }
        ),
        (ids(), ids(), ids(), version()).prop_map(|(unit, relation, remote, version)| {
            Row::RemoteSeen(RemoteSeen {
                unit,
                relation,
                remote,
                version,
            })
        }),
    ]
}

fn effect_state() -> impl Strategy<Value = EffectState> {
    prop_oneof![
        Just(EffectState::Planned),
        at().prop_map(|at| EffectState::Sent { at }),
        (of(text()), at())
            .prop_map(|(operation, poll_at)| EffectState::Accepted { operation, poll_at }),
        Just(EffectState::Present),
        (of(text()), at())
            .prop_map(|(operation, poll_at)| EffectState::Deleting { operation, poll_at }),
        Just(EffectState::Gone),
        Just(EffectState::Foreign),
    ]
}

fn spec() -> impl Strategy<Value = EffectSpec> {
    let machine = (word(), of(word()), of(1_u32..999), any::<bool>()).prop_map(
        |(size, zone, disk, public_address)| {
            EffectSpec::VirtualMachine(Box::new(VirtualMachine {
                subnets: vec!["default".to_owned()],
                region: "westeurope".to_owned(),
                zone,
                size,
                image: Image {
                    publisher: "Canonical".to_owned(),
                    offer: "ubuntu-24_04-lts".to_owned(),
                    sku: "server".to_owned(),
                    version: "latest".to_owned(),
                },
                disk,
                price_micros: None,
                disk_type: disk.map(|size| format!("Premium_{size}")),
                network: "network".to_owned(),
                public_address,
                hostname: "host".to_owned(),
            }))
        },
    );
    prop_oneof![
        machine,
        text().prop_map(|region| EffectSpec::Group { region }),
        (text(), vec(text(), 0..3)).prop_map(|(region, sources)| EffectSpec::SecurityGroup {
            region,
            rules: vec![SecurityRule {
                priority: 200,
                name: "rule".to_owned(),
                protocol: "Tcp".to_owned(),
                sources,
                destinations: vec!["*".to_owned()],
                ports: vec!["80".to_owned()],
            }],
        }),
        Just(EffectSpec::Child {
            kind: ChildKind::Disk
        }),
    ]
}

pub(super) fn effect() -> impl Strategy<Value = Row> {
    let failure = (class(), word(), text(), any::<u32>(), of(at())).prop_map(
        |(class, code, message, attempts, next_try)| EffectFailure {
            class,
            code,
            message,
            attempts,
            next_try,
        },
    );
    let links = (any::<bool>(), of(ids()), of(text()));
    (
        1_u128..9,
        links,
        text(),
        spec(),
        effect_state(),
        of(failure),
        at(),
    )
        .prop_map(|(id, links, name, spec, state, failure, at)| {
            let (shared, parent, cloud_id) = links;
            // An effect is for the same machine all its life.
            Row::Effect(Effect {
                id: common::id(if shared { id } else { id + 10 }),
                machine: (!shared).then(|| common::id(id % 3)),
                parent,
                name,
                spec,
                state,
                cloud_id,
                failure,
                created_at: at,
                changed_at: at,
            })
        })
}

pub(super) fn status() -> impl Strategy<Value = Row> {
    let key = prop_oneof![
        Just(StatusKey::Model),
        ids().prop_map(StatusKey::Application),
        ids().prop_map(StatusKey::Workload),
        ids().prop_map(StatusKey::Agent),
        ids().prop_map(StatusKey::Machine),
        ids().prop_map(StatusKey::Instance),
    ];
    let data = btree_map(text(), value(), 0..3);
    (key, word(), text(), data, at()).prop_map(|(key, status, message, data, since)| {
        Row::Status(
            key,
            Status {
                status,
                message,
                data,
                since,
            },
        )
    })
}
