//! Any weather: a deployment, a change of scale and an end, under faults and
//! kills that are drawn from a seed (the fault matrix, F19 to F24 and F28).
//!
//! The oracle is the cloud's inventory against the ledger: what is there is in
//! a row, what a row says is there, and what is somebody else's stays.

use std::collections::BTreeMap;

use lazuli_azure_sim::Latency;
use lazuli_cloud::Cloud;
use lazuli_model::id::MachineId;
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{EffectSpec, EffectState, Machine, Model, Row};
use lazuli_plan::SharedNames;
use serde_json::{Value, json};

use super::{Database, End, NEVER, Process, Sky, id, machine, model};

/// Kills of a process that come this late come never.
const LATE: u64 = 120;

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        let at = self.below(all.len() as u64);
        all[usize::try_from(at).expect("a small number")]
    }

    fn fault(&mut self) -> Value {
        let mut method = self.of(&["PUT", "PUT", "GET", "DELETE"]);
        let mut path = self.of(&[
            "*/resourceGroups/*",
            "*/networkSecurityGroups/*",
            "*/virtualNetworks/*",
            "*/natGateways/*",
            "*/publicIPAddresses*",
            "*/networkInterfaces*",
            "*/virtualMachines/*",
            "*/virtualMachines/*",
            "*/operations/*",
        ]);
        let mut count = 1 + self.below(3);
        let when = self.of(&["before", "after"]);
        let kind = self.below(8);
        let action = match kind {
            // F21: the answer is lost, or a gateway gives up.
            0 => json!({"drop": true}),
            1 => json!({"status": 500 + self.below(5)}),
            // F19.
            2 => json!({"status": 429, "headers": {"Retry-After": "1"}}),
            // F20.
            3 => json!({
                "status": 409,
                "code": self.of(&["AnotherOperationInProgress", "OperationNotAllowed"]),
            }),
            // F22 and F23: what was accepted fails in the end.
            4 | 5 => {
                (method, path) = ("PUT", "*/virtualMachines/*");
                json!({"fail_operation": {
                    "code": self.of(&[
                        "AllocationFailed",
                        "InternalExecutionError",
                        "OSProvisioningTimedOut",
                        "OperationPreempted",
                    ]),
                    "effect": self.below(2) == 0,
                }})
            }
            // F22: it never ends.
            6 => {
                (method, path) = (self.of(&["PUT", "DELETE"]), "*/virtualMachines/*");
                count = 1;
                json!({"hang_operation": true})
            }
            // F24: not there yet, says a read.
            _ => {
                method = "GET";
                count = 1;
                json!({"status": 404, "code": "ResourceNotFound"})
            }
        };
        json!({
            "method": method, "path": path, "count": count, "skip": self.below(4),
            "when": when, "action": action,
        })
    }
}

fn numbered(n: u128, life: Life) -> Row {
    Row::Machine(Machine {
        id: id::<MachineId>(100 + n),
        name: n.to_string().parse().expect("a name"),
        life,
        ..machine()
    })
}

/// Runs to the end under a few faults, perhaps killed twice on the way.
async fn settle(sky: &Sky, database: &mut Database, draw: &mut Draw, offers: &[Offer]) {
    for _ in 0..2 + draw.below(4) {
        let fault = draw.fault();
        // Shown when the test fails.
        println!("{fault}");
        sky.post("faults", &fault).await;
    }
    for _ in 0..2 {
        let point = 1 + draw.below(LATE);
        let point = usize::try_from(point).expect("a small number");
        println!("killed at point {point}");
        if Process::new(sky, database, point).run(offers).await == End::Settled {
            break;
        }
    }
    if !database.removed {
        let end = Process::new(sky, database, NEVER).run(offers).await;
        assert_eq!(end, End::Settled);
    }
    sky.clear_faults().await;
}

/// Whether every machine has the one instance that it should, and all that is
/// at the cloud is accounted for but for `foreign` others.
async fn check(sky: &Sky, database: &Database, foreign: usize, what: &str) {
    let state = &database.state;
    let group = SharedNames::of(state.model()).group;
    let found = sky.azure.contents(state.model().id, &group).await;
    let found = found.expect("a list").expect("a group");
    // Long after: nothing is out of balance for being new.
    let later = crate::shared::now() + time::Duration::days(30);
    let ledger = lazuli_plan::document::ledger(state, Some(&found), later);
    let troubled = ledger
        .resources
        .iter()
        .filter(|row| !row.trouble.is_empty());
    let troubles: Vec<_> = troubled.map(|row| (&row.name, &row.trouble)).collect();
    assert!(
        ledger.balanced,
        "{what}: {troubles:#?}, {:#?}",
        ledger.unaccounted
    );
    assert_eq!(
        ledger.unaccounted.len(),
        foreign,
        "{what}: {:#?}",
        ledger.unaccounted
    );
    for machine in state.machines() {
        let instances = state.effects_of(machine.id).filter(|row| {
            matches!(row.spec, EffectSpec::VirtualMachine(_)) && row.state == EffectState::Present
        });
        assert_eq!(instances.count(), 1, "{what}: machine {}", machine.name);
    }
    let machines = sky.inventory().await.get("virtualMachines").copied();
    assert_eq!(machines, Some(state.machines().count()), "{what}");
}

/// A life of a model under one seed.
async fn live(seed: u64) {
    let what = format!("seed {seed}");
    println!("{what}");
    let mut draw = Draw(seed);
    let latency = match draw.below(3) {
        0 => Latency::None,
        ms => Latency::Fixed(ms * 3),
    };
    let sky = Sky::new(latency).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    let mut database = Database::new();
    for n in 1..=2 {
        database.put(numbered(n, Life::Alive));
    }
    settle(&sky, &mut database, &mut draw, &offers).await;
    check(&sky, &database, 0, &what).await;

    // F28: somebody else puts something into our group.
    let group = SharedNames::of(database.state.model()).group;
    let foreign = format!(
        "/subscriptions/{}/resourceGroups/{group}/providers/Microsoft.Network/publicIPAddresses/theirs",
        sky.config.subscription
    );
    let address = json!({
        "location": "eastus", "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    });
    sky.arm(reqwest::Method::PUT, &foreign, Some(&address))
        .await;
    for n in 3..=4 {
        database.put(numbered(n, Life::Alive));
    }
    database.put(numbered(1, Life::Dying));
    settle(&sky, &mut database, &mut draw, &offers).await;
    check(&sky, &database, 1, &what).await;
    sky.arm(reqwest::Method::DELETE, &foreign, None).await;

    let machines: Vec<Machine> = database.state.machines().cloned().collect();
    for machine in machines {
        database.put(Row::Machine(Machine {
            life: Life::Dying,
            ..machine
        }));
    }
    database.put(Row::Model(Model {
        life: Life::Dying,
        ..model()
    }));
    settle(&sky, &mut database, &mut draw, &offers).await;
    assert!(database.removed, "{what}");
    assert_eq!(sky.inventory().await, BTreeMap::new(), "{what}");
    sky.simulator.stop().await;
}

/// Promise: whatever fails, no orphan, no foreign deletion, a settled model.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_seeds_of_faults_and_kills_leave_nothing_behind() {
    for seed in 0..20 {
        live(seed).await;
    }
}

/// As above, in `scripts/test --all`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes"]
async fn two_hundred_seeds_of_faults_and_kills_leave_nothing_behind() {
    for seed in 20..200 {
        live(seed).await;
    }
}
