//! What charms keep at the controller.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::id::UnitId;

/// The most bytes of keys and values that a unit may keep (Juju's
/// `max-charm-state-size`).
pub const CHARM_STATE_MAX: usize = 2 << 20;

/// What a unit's charm kept with `state-set`. Written by the outcomes of
/// hooks. Absent: nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharmState {
    /// The unit.
    pub unit: UnitId,
    /// Key to value; an empty value is one.
    pub state: Arc<Settings>,
}
