//! The bytes that make a virtual machine, frozen before the first call.
//!
//! They hold the machine's SSH host key, so they are committed encrypted, in
//! the transaction that decides the machine; a repeat of the call sends the
//! same bytes, and the key that is pinned is the key that was sent.

use lazuli_cloud::{CloudError, MachineOrder};
use lazuli_host::keys;
use lazuli_model::id::{EffectId, ModelId};
use lazuli_model::state::{Change, Effect, EffectSpec, MachineState, Row};
use lazuli_store::StoreError;
use lazuli_store::seal::Sealed;

use crate::effects::{CloudWorker, internal};
use crate::model_loop::is_new_machine;
use crate::settle::Desk;
use crate::shared::Shared;

/// Freezes the bodies of the machines that the desk is about to commit, and
/// pins their keys.
pub(crate) async fn new_machines(
    shared: &Shared,
    cloud: &CloudWorker,
    desk: &mut Desk,
) -> Result<Vec<(EffectId, Sealed)>, StoreError> {
    let fresh: Vec<_> = desk
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            Change::Put(Row::Effect(row)) if is_new_machine(&row) => Some(row),
            _ => None,
        })
        .collect();
    if fresh.is_empty() {
        return Ok(Vec::new());
    }
    let model = desk.state.model().id;
    let data_key = shared.store.data_key(model).await?;
    let mut bodies = Vec::with_capacity(fresh.len());
    for row in fresh {
        let Some(machine) = row.machine else { continue };
        let key = keys::generate(&row.name).map_err(|error| StoreError::Invalid {
            what: "a machine's host key".into(),
            why: error.to_string(),
        })?;
        let body =
            freeze(shared, cloud, desk, &row, &key).map_err(|error| StoreError::Invalid {
                what: "a machine's body".into(),
                why: error.to_string(),
            })?;
        bodies.push((row.id, data_key.seal(&place(row.id), &body)?));
        let known = desk
            .state
            .machine_state(machine)
            .cloned()
            .unwrap_or_else(|| MachineState::new(machine));
        desk.record(Change::Put(Row::MachineState(MachineState {
            host_keys: vec![key.public],
            ..known
        })));
    }
    Ok(bodies)
}

fn freeze(
    shared: &Shared,
    cloud: &CloudWorker,
    desk: &Desk,
    row: &Effect,
    key: &keys::KeyPair,
) -> Result<Vec<u8>, CloudError> {
    let EffectSpec::VirtualMachine(spec) = &row.spec else {
        return Err(internal(
            "freeze a body",
            "the row is no machine".to_owned(),
        ));
    };
    let model = desk.state.model();
    let mut authorized_keys = vec![model.ssh_key.clone()];
    authorized_keys.extend(model.authorized_keys.iter().cloned());
    shared.cloud.freeze(&MachineOrder {
        controller: shared.controller,
        model: model.id,
        group: cloud.group(),
        effect: row.id,
        name: &row.name,
        spec,
        authorized_keys: &authorized_keys,
        host_key_private: key.private.expose(),
        host_key_public: &key.public,
    })
}

/// The frozen bytes of a machine.
pub(crate) async fn body(
    shared: &Shared,
    model: ModelId,
    row: &Effect,
) -> Result<Vec<u8>, CloudError> {
    let what = format!("read the frozen body of {}", row.name);
    let failed = |error: StoreError| internal(&what, error.to_string());
    let sealed = lazuli_store::effect_body(shared.store.pool(), model, row.id)
        .await
        .map_err(failed)?
        .ok_or_else(|| internal(&what, "it is not there".to_owned()))?;
    let key = shared.store.data_key(model).await.map_err(failed)?;
    key.open(&place(row.id), &sealed)
        .map_err(|error| internal(&what, error.to_string()))
}

/// What a sealed body is bound to.
fn place(effect: EffectId) -> String {
    format!("effect:{effect}")
}
