//! The bytes that make a virtual machine, frozen before the first call.
//!
//! They hold the machine's SSH host key, so they are committed encrypted, in
//! the transaction that decides the machine; a repeat of the call sends the
//! same bytes, and the key that is pinned is the key that was sent.

use lazuli_cloud::{CloudError, MachineOrder};
use lazuli_host::keys;
use lazuli_model::id::{EffectId, ModelId};
use lazuli_model::state::{Change, Effect, EffectSpec, EffectState, MachineState, Row};
use lazuli_store::StoreError;
use lazuli_store::seal::Sealed;

use crate::effects::{CloudWorker, internal};
use crate::settle::Desk;
use crate::shared::Shared;

/// Freezes the bodies of the machines that the desk is about to commit, and
/// pins their keys.
pub(crate) async fn new_machines(
    shared: &Shared,
    cloud: &CloudWorker,
    desk: &mut Desk,
) -> Result<Vec<(EffectId, Sealed)>, StoreError> {
    let fresh = desk.pending().filter_map(|change| {
        let Change::Put(Row::Effect(row)) = change else {
            return None;
        };
        let known = row.machine.and_then(|id| desk.state.machine_state(id));
        is_unfrozen(row, known).then(|| row.clone())
    });
    let fresh: Vec<_> = fresh.collect();
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

/// Whether a machine is decided and has no body yet. Key and body are
/// committed together, and a body that is there stays: a row that is written
/// again, such as after a refusal, keeps the key that the machine will have.
fn is_unfrozen(row: &Effect, machine: Option<&MachineState>) -> bool {
    matches!(row.spec, EffectSpec::VirtualMachine(_))
        && row.state == EffectState::Planned
        && machine.is_none_or(|known| known.host_keys.is_empty())
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

#[cfg(test)]
mod tests {
    use lazuli_model::id::{GenericUuid, MachineId};
    use lazuli_model::state::{EffectFailure, FailureClass, Image, VirtualMachine};
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_machine_keeps_its_key_when_its_row_is_written_again() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let machine = MachineId::from_untyped_uuid(Uuid::from_u128(7));
        let mut row = Effect {
            id: EffectId::from_untyped_uuid(Uuid::from_u128(8)),
            machine: Some(machine),
            parent: None,
            name: "m-0-g1".to_owned(),
            spec: EffectSpec::VirtualMachine(Box::new(VirtualMachine {
                subnets: vec!["default".to_owned()],
                region: "westeurope".to_owned(),
                zone: None,
                size: "Standard_B2s".to_owned(),
                image: Image {
                    publisher: "Canonical".to_owned(),
                    offer: "ubuntu-24_04-lts".to_owned(),
                    sku: "server".to_owned(),
                    version: "latest".to_owned(),
                },
                disk: None,
                price_micros: None,
                disk_type: None,
                network: "n".to_owned(),
                public_address: false,
                hostname: "m-0".to_owned(),
            })),
            state: EffectState::Planned,
            cloud_id: None,
            failure: None,
            created_at: now,
            changed_at: now,
        };
        let mut known = MachineState::new(machine);
        assert!(is_unfrozen(&row, None));
        assert!(is_unfrozen(&row, Some(&known)));
        row.failure = Some(EffectFailure {
            class: FailureClass::Throttled,
            code: "TooManyRequests".to_owned(),
            message: "too many requests".to_owned(),
            attempts: 1,
            next_try: None,
        });
        known.host_keys = vec!["ssh-ed25519 AAAA".to_owned()];
        assert!(!is_unfrozen(&row, Some(&known)));
    }
}
