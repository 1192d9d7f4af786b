//! Many machines at once cost few questions each.

use lazuli_azure_sim::Latency;
use lazuli_cloud::Cloud;
use lazuli_model::id::MachineId;
use lazuli_model::state::{EffectSpec, EffectState, Machine, Row};

use super::{Database, End, NEVER, Process, Sky, id, machine};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_tell_which_of_many_machines_are_made() {
    let sky = Sky::new(Latency::Fixed(30)).await;
    let offers = sky.azure.offers("eastus").await.expect("offers");
    let mut database = Database::new();
    for n in 1..60 {
        database.put(Row::Machine(Machine {
            id: id::<MachineId>(100 + n),
            name: n.to_string().parse().expect("a name"),
            ..machine()
        }));
    }
    let end = Process::new(&sky, &mut database, NEVER).run(&offers).await;
    assert_eq!(end, End::Settled);
    let made = database.state.effects().filter(|row| {
        matches!(row.spec, EffectSpec::VirtualMachine(_)) && row.state == EffectState::Present
    });
    assert_eq!(made.count(), 60);
    let journal = sky.control("journal?method=GET&path=*/Microsoft.Compute/*/operations/*");
    let asked = journal.await["requests"].as_array().map_or(0, Vec::len);
    assert!(asked < 60, "{asked} questions about 60 machines");
    sky.simulator.stop().await;
}
