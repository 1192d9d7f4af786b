//! The cycle comes to its end in any weather, with nothing left behind.

use std::collections::BTreeMap;

use lazuli_azure_sim::Latency;
use lazuli_cloud::Cloud;
use lazuli_model::state::{EffectSpec, EffectState};
use serde_json::{Value, json};

use super::{Database, End, NEVER, Process, Sky, destroy, expected};

/// A fault that strikes `count` requests.
fn fault(method: &str, path: &str, count: u64, when: &str, action: Value) -> Value {
    json!({"method": method, "path": path, "count": count, "when": when, "action": action})
}

/// Makes and unmakes a model under faults; the instance that came to be.
async fn survives(what: &str, faults: &[Value]) -> String {
    let sky = Sky::new(Latency::None).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    for fault in faults {
        sky.post("faults", fault).await;
    }
    let mut database = Database::new();
    let end = Process::new(&sky, &mut database, NEVER).run(&offers).await;
    assert_eq!(end, End::Settled, "{what}");
    assert_eq!(sky.inventory().await, expected(), "{what}");
    let machines: Vec<_> = database
        .state
        .effects()
        .filter(|row| matches!(row.spec, EffectSpec::VirtualMachine(_)))
        .filter(|row| row.state == EffectState::Present)
        .map(|row| row.name.clone())
        .collect();
    destroy(&mut database);
    let end = Process::new(&sky, &mut database, NEVER).run(&offers).await;
    assert_eq!(end, End::Settled, "{what}");
    assert!(database.removed, "{what}");
    assert_eq!(sky.inventory().await, BTreeMap::new(), "{what}");
    let struck = sky.control("faults").await;
    for fault in struck["faults"].as_array().into_iter().flatten() {
        assert_eq!(fault["hits"], fault["count"], "{what}: {fault}");
    }
    sky.simulator.stop().await;
    assert_eq!(machines.len(), 1, "{what}: {machines:?}");
    machines.concat()
}

const VM: &str = "*/virtualMachines/*";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_and_broken_gateways() {
    let cut = || json!({"drop": true});
    let status = |status: u16| json!({"status": status});
    let faults = [
        fault("PUT", "*/resourceGroups/*", 3, "after", cut()),
        fault("DELETE", "*/resourceGroups/*", 3, "after", cut()),
        fault("GET", "*/resourceGroups/*", 3, "before", cut()),
    ];
    assert_eq!(survives("cut after", &faults).await, "m-0-g1");
    for code in [500, 502, 503, 504] {
        let faults = [
            fault("PUT", "*/resourceGroups/*", 2, "after", status(code)),
            fault("PUT", "*/resourceGroups/*", 2, "before", status(code)),
            fault("DELETE", "*/resourceGroups/*", 2, "after", status(code)),
            fault("GET", "*/resourceGroups/*", 3, "before", status(code)),
        ];
        assert_eq!(survives("a gateway", &faults).await, "m-0-g1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_that_pass() {
    let refusal = |status: u16, code: &str| json!({"status": status, "code": code});
    let throttled = json!({"status": 429, "headers": {"Retry-After": "1"}});
    let all = "*/resourceGroups/*";
    for (what, action) in [
        ("throttled", throttled),
        ("busy", refusal(409, "AnotherOperationInProgress")),
        (
            "locked",
            refusal(429, "RetryableErrorDueToAnotherOperation"),
        ),
        ("denied", refusal(403, "AuthorizationFailed")),
        ("out of quota", refusal(409, "QuotaExceeded")),
        ("lost", refusal(404, "ResourceNotFound")),
    ] {
        let faults = [
            fault("PUT", all, 2, "before", action.clone()),
            fault("PUT", VM, 1, "before", action.clone()),
            fault("DELETE", VM, 2, "before", action),
        ];
        // What is gone already is deleted: the second deletion finds the rest.
        let faults = match what {
            "lost" => &faults[..2],
            _ => &faults[..],
        };
        assert_eq!(survives(what, faults).await, "m-0-g1");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_and_deletions_that_fail_in_the_end() {
    let fails = |code: &str| json!({"fail_operation": {"code": code, "message": "no"}});
    for (code, count, name) in [
        ("AllocationFailed", 2, "m-0-g3"),
        ("ZonalAllocationFailed", 1, "m-0-g2"),
        ("OSProvisioningTimedOut", 1, "m-0-g2"),
        ("InternalExecutionError", 2, "m-0-g1"),
        ("OperationPreempted", 1, "m-0-g1"),
    ] {
        let faults = [
            fault("PUT", VM, count, "before", fails(code)),
            fault("DELETE", VM, 1, "before", fails("InternalExecutionError")),
        ];
        assert_eq!(survives(code, &faults).await, name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_that_never_end_or_are_forgotten() {
    let hangs = || json!({"hang_operation": true});
    let faults = [fault("PUT", VM, 1, "before", hangs())];
    assert_eq!(survives("a creation hangs", &faults).await, "m-0-g2");
    let faults = [fault("DELETE", VM, 1, "before", hangs())];
    assert_eq!(survives("a deletion hangs", &faults).await, "m-0-g1");
    let unknown = json!({"status": 404, "code": "NotFound"});
    let faults = [fault("GET", "*/operations/*", 4, "before", unknown)];
    assert_eq!(survives("operations forgotten", &faults).await, "m-0-g1");
}
