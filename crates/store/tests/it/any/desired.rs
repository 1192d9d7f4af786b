//! What users want.

use lazuli_model::config::ConfigValue;
use lazuli_model::state::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::common::{self, id};

pub(super) fn charm() -> impl Strategy<Value = Row> {
    (ids(), word(), 0_u32..99, "[0-9a-f]{64}").prop_map(|(id, name, revision, sha256)| {
        Row::Charm(CharmRevision {
            id,
            url: format!("local:{name}-{revision}"),
            name,
            revision,
            sha256,
            charm: common::charm("charm"),
        })
    })
}

fn config() -> impl Strategy<Value = ConfigValue> {
    prop_oneof![
        any::<bool>().prop_map(ConfigValue::Boolean),
        any::<i64>().prop_map(ConfigValue::Int),
        (-1e300..1e300).prop_map(ConfigValue::Float),
        text().prop_map(ConfigValue::String),
    ]
}

fn expose() -> impl Strategy<Value = ExposeRule> {
    (vec(text(), 0..3), vec(text(), 0..2)).prop_map(|(cidrs, spaces)| ExposeRule { cidrs, spaces })
}

pub(super) fn application() -> impl Strategy<Value = Row> {
    let own = (ids(), word(), ids(), any::<bool>(), 0_u32..9, at());
    let rest = (
        btree_map(word(), config(), 0..4),
        of(btree_map(text(), expose(), 0..3)),
        life(),
        any::<bool>(),
        select(vec!["", "cores=4 mem=8G", "arch=arm64 tags=a,b"]),
        btree_map(word(), directive(), 0..3),
    );
    (own, rest).prop_map(|(own, rest)| {
        let (id, name, charm, trust, next_unit, created_at) = own;
        let (config, exposed, life, force, constraints, storage) = rest;
        Row::Application(Application {
            bindings: BTreeMap::new(),
            id,
            name: name.parse().unwrap(),
            charm,
            base: "ubuntu@24.04".parse().unwrap(),
            constraints: constraints.parse().unwrap(),
            config,
            exposed,
            trust,
            life,
            force,
            storage: storage
                .into_iter()
                .map(|(name, directive)| (name.parse().unwrap(), directive))
                .collect(),
            next_unit,
            created_at,
        })
    })
}

fn source() -> impl Strategy<Value = MachineSource> {
    prop_oneof![
        of(word()).prop_map(|zone| MachineSource::Cloud { zone }),
        (
            word(),
            any::<std::net::IpAddr>(),
            1_u16..,
            vec(text(), 0..3)
        )
            .prop_map(|(user, host, port, host_keys)| MachineSource::Manual {
                user,
                host,
                port,
                host_keys,
            }),
    ]
}

pub(super) fn machine() -> impl Strategy<Value = Row> {
    let flags = (life(), any::<bool>(), any::<bool>());
    (ids(), 0_u32..999, source(), flags, at()).prop_map(
        |(id, name, source, (life, force, for_unit), created_at)| {
            Row::Machine(Machine {
                spaces: Vec::new(),
                id,
                name: name.to_string().parse().unwrap(),
                base: "ubuntu@22.04".parse().unwrap(),
                constraints: "cores=2".parse().unwrap(),
                source,
                life,
                force,
                for_unit,
                created_at,
            })
        },
    )
}

pub(super) fn unit() -> impl Strategy<Value = Row> {
    let resolve = (version(), any::<bool>()).prop_map(|(seq, retry)| Resolve { seq, retry });
    let places = (ids(), ids(), of(ids()));
    (
        ids(),
        (word(), 0_u32..99),
        places,
        life(),
        of(resolve),
        at(),
    )
        .prop_map(
            |(id, (name, n), (application, machine, principal), life, resolve, created_at)| {
                Row::Unit(Unit {
                    id,
                    name: format!("{name}/{n}").parse().unwrap(),
                    application,
                    machine,
                    principal,
                    life,
                    force: false,
                    resolve,
                    created_at,
                })
            },
        )
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let role = select(vec![
        EndpointRole::Provider,
        EndpointRole::Requirer,
        EndpointRole::Peer,
    ]);
    (ids(), word(), word(), role, any::<bool>()).prop_map(
        |(application, name, interface, role, container_scoped)| Endpoint {
            application,
            name: name.parse().unwrap(),
            interface,
            role,
            container_scoped,
        },
    )
}

pub(super) fn relation() -> impl Strategy<Value = Row> {
    (1_u128..9, version(), endpoint(), endpoint(), life(), at()).prop_map(
        |(n, number, mut local, mut remote, life, created_at)| {
            // A relation is between the same applications all its life.
            local.application = id(n);
            remote.application = id(n + 1);
            let endpoints = if n < 3 {
                vec![local]
            } else {
                vec![local, remote]
            };
            Row::Relation(Relation {
                id: id(n),
                number,
                endpoints,
                life,
                force: true,
                created_at,
            })
        },
    )
}

fn storage_pool() -> impl Strategy<Value = StoragePool> {
    (provider(), btree_map(word(), text(), 0..3)).prop_map(|(provider, attributes)| StoragePool {
        provider,
        attributes,
    })
}

pub(super) fn model(own: Model) -> impl Strategy<Value = Row> {
    (
        btree_map(word(), text(), 0..4),
        vec(text(), 0..3),
        btree_map(word(), storage_pool(), 0..3),
        life(),
        any::<bool>(),
    )
        .prop_map(
            move |(config, authorized_keys, storage_pools, life, force)| {
                Row::Model(Model {
                    config,
                    authorized_keys,
                    storage_pools,
                    life,
                    force,
                    ..own.clone()
                })
            },
        )
}
