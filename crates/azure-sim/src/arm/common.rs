//! What the handlers of all resource types share.

use serde_json::Value;
use uuid::Uuid;

use crate::catalog::{REGIONS, Region, region};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::latency::Latency;
use crate::operation::{Bend, Operation, Outcome, Provider, Work};
use crate::resource::{Data, Provisioning, Resource};
use crate::settings::Settings;
use crate::state::Tx;
use crate::tuning::Tuning;

/// What a handler may know besides the state.
pub(crate) struct World<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) tuning: &'a Tuning,
    /// How a fault bends the operation that this request begins.
    pub(crate) bend: Option<Bend>,
    /// Whether 64-bit ARM machines can be had.
    pub(crate) arm64: bool,
    /// `forceDeletion`: the machine is not given time.
    pub(crate) force: bool,
}

/// The answer to a request, before headers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    /// The operation that the answer points to.
    pub(crate) operation: Option<Uuid>,
    /// Whether the operation's `Location` belongs into the answer too.
    pub(crate) location: bool,
    /// The operation of which this is the status, while it runs.
    pub(crate) status_of: Option<Uuid>,
    /// Whether the hosts' network has to follow before the answer.
    pub(crate) network: bool,
    pub(crate) etag: Option<String>,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            ..Self::default()
        }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    /// 202 for an operation that ends without a body.
    pub(crate) fn accepted(operation: Uuid) -> Self {
        Self {
            status: 202,
            operation: Some(operation),
            location: true,
            ..Self::default()
        }
    }
}

/// The group of a resource, which must take writes.
pub(crate) fn writable_group<'t>(
    tx: &'t Tx<'_>,
    id: &ResourceId,
) -> Result<&'t Resource, ArmError> {
    let group = group_of(tx, id)?;
    if group.provisioning == Provisioning::Deleting {
        return Err(ArmError::group_being_deleted(&group.id.name));
    }
    Ok(group)
}

/// The group of a resource.
pub(crate) fn group_of<'t>(tx: &'t Tx<'_>, id: &ResourceId) -> Result<&'t Resource, ArmError> {
    tx.get(&ResourceId::group(&id.subscription, &id.group))
        .ok_or_else(|| ArmError::group_not_found(&id.group))
}

/// The resource of an id, or ARM's 404.
pub(crate) fn existing<'t>(tx: &'t Tx<'_>, id: &ResourceId) -> Result<&'t Resource, ArmError> {
    group_of(tx, id)?;
    if id.child.is_some() && tx.get(&id.parent()).is_none() {
        return Err(ArmError::not_found(&id.parent()));
    }
    tx.get(id).ok_or_else(|| ArmError::not_found(id))
}

/// The body's region, which the type must be offered in.
pub(crate) fn location_of(body: &Value, kind: Kind) -> Result<&'static Region, ArmError> {
    let text = body["location"].as_str().ok_or_else(|| {
        ArmError::new(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        )
    })?;
    region(text).ok_or_else(|| {
        let names: Vec<_> = REGIONS.iter().map(|region| region.name).collect();
        ArmError::new(
            400,
            "LocationNotAvailableForResourceType",
            format!(
                "The provided location '{text}' is not available for resource type '{}'. List of available regions for the resource type is '{}'.",
                kind.type_name(),
                names.join(",")
            ),
        )
    })
}

/// A PUT's resource: the one that is there, or a new one.
pub(crate) struct Slot {
    pub(crate) before: Option<Resource>,
    pub(crate) id: ResourceId,
    pub(crate) serial: u64,
    pub(crate) version: u64,
    pub(crate) guid: Uuid,
    pub(crate) created_ms: i64,
}

impl Slot {
    /// Looks up what a PUT to `id` meets. An existing resource keeps the case
    /// of its id; a new one takes its group's.
    pub(crate) fn of(tx: &mut Tx<'_>, id: &ResourceId) -> Result<Self, ArmError> {
        let group = writable_group(tx, id)?.id.group.clone();
        check_name(id)?;
        if let Some(before) = tx.get(id).cloned() {
            if before.provisioning == Provisioning::Deleting {
                return Err(ArmError::new(
                    409,
                    "Conflict",
                    format!("The resource {} is being deleted.", before.id),
                ));
            }
            return Ok(Self {
                id: before.id.clone(),
                serial: before.serial,
                version: before.version,
                guid: before.guid,
                created_ms: before.created_ms,
                before: Some(before),
            });
        }
        let (serial, guid) = tx.next();
        let mut id = id.clone();
        id.group = group;
        Ok(Self {
            before: None,
            id,
            serial,
            version: 0,
            guid,
            created_ms: tx.now_ms,
        })
    }

    /// 409 if the resource exists elsewhere.
    pub(crate) fn check_location(&self, region: &Region) -> Result<(), ArmError> {
        match &self.before {
            Some(before) if before.location() != region.name => Err(ArmError::new(
                409,
                "InvalidResourceLocation",
                format!(
                    "The resource '{}' already exists in location '{}' in resource group '{}'. A resource with the same name cannot be created in location '{}'. Please select a new resource name.",
                    self.id.name,
                    before.location(),
                    self.id.group,
                    region.name
                ),
            )),
            _ => Ok(()),
        }
    }

    pub(crate) const fn is_new(&self) -> bool {
        self.before.is_none()
    }

    pub(crate) fn resource(&self, body: Value, provisioning: Provisioning, data: Data) -> Resource {
        Resource {
            id: self.id.clone(),
            body,
            provisioning,
            serial: self.serial,
            version: self.version,
            guid: self.guid,
            created_ms: self.created_ms,
            data,
        }
    }
}

/// Names of network and compute resources: 1 to 80 of letters, digits, `_`,
/// `.`, `-`; the first a letter or digit, the last no `.` or `-`. Groups may
/// also hold parentheses.
fn check_name(id: &ResourceId) -> Result<(), ArmError> {
    let name = id.leaf();
    let inner =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '(' | ')' | '{' | '}');
    let good = !name.is_empty()
        && name.chars().count() <= if id.kind == Kind::Group { 90 } else { 80 }
        && name.chars().all(inner)
        && !name.ends_with('.');
    if good {
        return Ok(());
    }
    Err(ArmError::new(
        400,
        "InvalidResourceName",
        format!(
            "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word character, and it must end with a word character or with '_'. The name may contain word characters or '.', '-', '_'."
        ),
    ))
}

/// Begins an operation on `target`.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    provider: Provider,
    location: &str,
    target: &ResourceId,
    work: Work,
) -> Uuid {
    let (_, id) = tx.next();
    let latency_ms = world.settings.latency.of(work, target.kind, id);
    tx.start(Operation {
        id,
        provider,
        subscription: target.subscription.clone(),
        location: location.to_owned(),
        target: target.clone(),
        work,
        outcome: Outcome::InProgress,
        started_ms: tx.now_ms,
        ended_ms: None,
        latency_ms: if world.force {
            latency_ms / 4
        } else {
            latency_ms
        },
        error: None,
        bend: world.bend.clone().unwrap_or_default(),
    });
    id
}

/// Whether network resources settle within the request.
fn immediate(world: &World<'_>) -> bool {
    world.settings.latency == Latency::None && world.bend.is_none()
}

/// The provisioning state with which a network resource is written.
pub(crate) fn settling(world: &World<'_>) -> Provisioning {
    if immediate(world) {
        Provisioning::Succeeded
    } else {
        Provisioning::Updating
    }
}

/// The answer to a PUT of a network resource that was just written.
pub(crate) fn network_put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    location: &str,
    new: bool,
    body: Value,
) -> Answer {
    let operation = (!immediate(world))
        .then(|| begin(tx, world, Provider::Network, location, id, Work::Settle));
    Answer {
        status: if new { 201 } else { 200 },
        body: Some(body),
        operation,
        network: true,
        ..Answer::default()
    }
}

/// Marks a resource as being deleted and begins its deletion.
pub(crate) fn begin_delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    provider: Provider,
    id: &ResourceId,
) -> Answer {
    if tx
        .get(id)
        .is_some_and(|resource| resource.provisioning == Provisioning::Deleting)
        && let Some(running) = running(tx, id, Work::Delete)
    {
        return Answer::accepted(running);
    }
    let location = tx
        .get(&id.parent())
        .map(|resource| resource.location().to_owned())
        .unwrap_or_default();
    tx.update(id, |resource| {
        resource.provisioning = Provisioning::Deleting;
    });
    let operation = begin(tx, world, provider, &location, id, Work::Delete);
    Answer::accepted(operation)
}

/// The operation of this kind that is under way on a resource.
pub(crate) fn running(tx: &Tx<'_>, id: &ResourceId, work: Work) -> Option<Uuid> {
    tx.cloud()
        .operations()
        .find(|operation| {
            operation.outcome == Outcome::InProgress
                && operation.work == work
                && operation.target.same(id)
        })
        .map(|operation| operation.id)
}
