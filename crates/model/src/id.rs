//! One typed id per noun, in alphabetical order.
//!
//! What the API creates has a UUIDv7, what the planner creates the UUIDv5 of
//! (model, kind, natural name), see [`derived`]; so planning twice creates
//! nothing twice, and passing a unit's id where a machine's is meant does not
//! compile.

pub use newtype_uuid::GenericUuid;
use newtype_uuid::{TypedUuid, TypedUuidKind, TypedUuidTag};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $tag:literal;)*) => {$(
        #[doc = concat!("The kind of [`", stringify!($name), "`].")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $kind {}

        impl TypedUuidKind for $kind {
            fn tag() -> TypedUuidTag {
                const TAG: TypedUuidTag = TypedUuidTag::new($tag);
                TAG
            }
        }

        $(#[$doc])*
        pub type $name = TypedUuid<$kind>;
    )*};
}

ids! {
    /// An application.
    ApplicationId, ApplicationKind, "application";
    /// A charm at a revision in a model.
    CharmId, CharmKind, "charm";
    /// A controller, shared by its replicas.
    ControllerId, ControllerKind, "controller";
    /// A row of the ledger: one resource of a cloud.
    EffectId, EffectKind, "effect";
    /// A machine.
    MachineId, MachineKind, "machine";
    /// A model.
    ModelId, ModelKind, "model";
    /// A relation.
    RelationId, RelationKind, "relation";
    /// One process of the daemon.
    ReplicaId, ReplicaKind, "replica";
    /// A storage instance.
    StorageInstanceId, StorageInstanceKind, "storage";
    /// A unit.
    UnitId, UnitKind, "unit";
    /// A user.
    UserId, UserKind, "user";
}

/// The id of what the planner creates: the same inputs, the same id.
#[must_use]
pub fn derived<K: TypedUuidKind>(model: ModelId, natural_name: &str) -> TypedUuid<K> {
    let name = format!("{}:{natural_name}", K::tag());
    TypedUuid::from_untyped_uuid(Uuid::new_v5(&model.into_untyped_uuid(), name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_depend_on_model_kind_and_name() {
        let model = ModelId::from_untyped_uuid(Uuid::from_u128(1));
        let other = ModelId::from_untyped_uuid(Uuid::from_u128(2));
        let effect: EffectId = derived(model, "vm:m-0-g1");
        let again: EffectId = derived(model, "vm:m-0-g1");
        let elsewhere: EffectId = derived(other, "vm:m-0-g1");
        let unit: UnitId = derived(model, "vm:m-0-g1");
        assert_eq!(effect, again);
        assert_ne!(effect, elsewhere);
        assert_ne!(effect.into_untyped_uuid(), unit.into_untyped_uuid());
    }
}
