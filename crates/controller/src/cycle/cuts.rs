//! The cycle is cut at every point at which a process can be killed.
//!
//! Whatever the cut, the next process finds the rows as they were committed
//! and a cloud that may be further; it has to come to the same end, with
//! nothing made twice and nothing left.

use std::collections::BTreeMap;
use std::sync::Arc;

use lazuli_azure_sim::Latency;
use lazuli_cloud::{Call, Cloud};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{EffectState, Machine, Row};
use lazuli_plan::SharedNames;

use super::{Database, End, Held, NEVER, Process, Sky, destroy, expected, id, machine};
use crate::message::Message;
use crate::survey::Sight;

/// Runs a process that is killed at a point, and another one to the end;
/// whether the first one got to that point.
async fn interrupted(sky: &Sky, database: &mut Database, point: usize, offers: &[Offer]) -> bool {
    let end = Process::new(sky, database, point).run(offers).await;
    if end == End::Cut {
        let end = Process::new(sky, database, NEVER).run(offers).await;
        assert_eq!(end, End::Settled);
    }
    end == End::Cut
}

/// Makes and unmakes a model, killed at each point in turn; how many points
/// there are.
async fn every_point(latency: Latency) -> usize {
    let sky = Sky::new(latency).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    let mut made = 0;
    for point in 1.. {
        let mut database = Database::new();
        let making = interrupted(&sky, &mut database, point, &offers).await;
        assert_eq!(sky.inventory().await, expected(), "making, cut at {point}");
        let open: Vec<_> = database
            .state
            .effects()
            .filter(|row| row.state != EffectState::Present)
            .collect();
        assert!(open.is_empty(), "making, cut at {point}: {open:?}");
        made += 1;
        let creations = sky.creations().await;
        let first = creations.iter().filter(|status| **status == 201).count();
        assert_eq!(first, made, "cut at {point}: {creations:?}");

        destroy(&mut database);
        let unmaking = interrupted(&sky, &mut database, point, &offers).await;
        assert!(database.removed, "unmaking, cut at {point}");
        let left = sky.inventory().await;
        assert_eq!(left, BTreeMap::new(), "unmaking, cut at {point}");
        if !making && !unmaking {
            sky.simulator.stop().await;
            return point;
        }
    }
    0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_point_of_a_kill_the_end_is_the_same() {
    assert!(every_point(Latency::None).await > 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_goes_on_meanwhile_is_taken_up_again() {
    assert!(every_point(Latency::Fixed(5)).await > 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_takes_effect_after_its_deletion_is_deleted_again() {
    let sky = Sky::new(Latency::None).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    let mut database = Database::new();
    // Killed while the creation of the machine is on its way.
    let mut point = 0;
    let late = loop {
        point += 1;
        let end = Process::new(&sky, &mut database, point).run(&offers).await;
        assert_eq!(end, End::Cut, "there was no such point");
        let row = database.state.effects().find(|row| row.machine.is_some());
        if let Some(row) = row {
            break row.clone();
        }
        database = Database::new();
    };
    assert_eq!(late.state, EffectState::Planned);
    database.put(Row::Machine(Machine {
        life: Life::Dying,
        ..machine()
    }));
    let end = Process::new(&sky, &mut database, NEVER).run(&offers).await;
    assert_eq!(end, End::Settled);
    assert!(database.state.machine(id(7)).is_none());
    assert_eq!(sky.inventory().await.get("virtualMachines"), None);

    // Now it arrives.
    let group = SharedNames::of(database.state.model()).group;
    let call = Call {
        controller: id(1),
        model: database.state.model().id,
        group: &group,
        effect: &late,
        body: database.bodies.get(&late.id).map(Vec::as_slice),
        fence: &Held,
    };
    sky.azure.ensure(call).await.expect("it is accepted");
    assert_eq!(sky.inventory().await.get("virtualMachines"), Some(&1));
    let survey = sky.azure.survey().await.expect("a survey");
    let mut process = Process::new(&sky, &mut database, NEVER);
    let sight = |began| Message::Surveyed {
        sight: Arc::new(Sight {
            began,
            survey: survey.clone(),
        }),
    };
    // A list may lag: it is not believed at once.
    process.take(&sight(process.now));
    assert_eq!(process.run(&offers).await, End::Settled);
    assert_eq!(sky.inventory().await.get("virtualMachines"), Some(&1));
    let mut process = Process::new(&sky, &mut database, NEVER);
    process.now += time::Duration::minutes(2);
    process.take(&sight(process.now));
    assert_eq!(process.run(&offers).await, End::Settled);
    let left = sky.inventory().await;
    for kind in ["virtualMachines", "networkInterfaces", "disks"] {
        assert_eq!(left.get(kind), None, "{left:?}");
    }
    sky.simulator.stop().await;
}
