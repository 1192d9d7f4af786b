//! The whole simulated cloud: resources and operations, and the transactions
//! that change them. No I/O, no clock, no randomness: ids are derived from a
//! seed and a counter, the time comes with the transaction.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Bound;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{Key, Kind, ResourceId};
use crate::operation::{Operation, Outcome};
use crate::resource::{Data, Resource};

/// How many ended operations are remembered.
const ENDED_OPERATIONS: usize = 10_000;

/// One step of a transaction; what the state log holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    Put(Box<Resource>),
    Remove(ResourceId),
    Operation(Box<Operation>),
    Forget(Uuid),
    /// Ids up to this number are used.
    Serial(u64),
}

/// The simulated cloud.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cloud {
    resources: BTreeMap<Key, Resource>,
    operations: BTreeMap<Uuid, Operation>,
    /// Ended operations in the order in which they ended.
    ended: BTreeMap<(i64, Uuid), ()>,
    serial: u64,
    seed: u64,
    /// Private addresses in use, by subnet.
    private: BTreeMap<String, BTreeMap<Ipv4Addr, ResourceId>>,
    /// Public addresses in use.
    public: BTreeMap<Ipv4Addr, Key>,
}

impl Cloud {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    pub(crate) fn get(&self, id: &ResourceId) -> Option<&Resource> {
        self.resources.get(&id.key())
    }

    /// All resources of a kind whose id begins with `prefix` (lower case).
    pub(crate) fn of_kind<'a, 'p>(
        &'a self,
        kind: Kind,
        prefix: &'p str,
    ) -> impl Iterator<Item = &'a Resource> + use<'a, 'p> {
        self.resources
            .range((kind, prefix.to_owned())..)
            .take_while(move |((k, path), _)| *k == kind && path.starts_with(prefix))
            .map(|(_, resource)| resource)
    }

    /// The resources of a kind in a subscription or a group, after `after`.
    pub(crate) fn page<'a, 'p>(
        &'a self,
        kind: Kind,
        prefix: &'p str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'a Resource> + use<'a, 'p> {
        let from = match after {
            Some(after) => Bound::Excluded((kind, after.to_owned())),
            None => Bound::Included((kind, prefix.to_owned())),
        };
        self.resources
            .range((from, Bound::Unbounded))
            .take_while(move |((k, path), _)| *k == kind && path.starts_with(prefix))
            .map(|(_, resource)| resource)
    }

    /// The children of a resource, in the order of their creation.
    pub(crate) fn children(&self, parent: &ResourceId) -> Vec<&Resource> {
        let Some(kind) = parent.kind.child() else {
            return Vec::new();
        };
        let prefix = format!("{}/", parent.key().1);
        let mut children: Vec<_> = self.of_kind(kind, &prefix).collect();
        children.sort_by_key(|child| child.serial);
        children
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    pub(crate) fn operation(&self, id: Uuid) -> Option<&Operation> {
        self.operations.get(&id)
    }

    pub(crate) fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.operations.values()
    }

    /// The addresses of a subnet that are in use, and by whom.
    pub(crate) fn addresses(&self, subnet: &ResourceId) -> Option<&BTreeMap<Ipv4Addr, ResourceId>> {
        self.private.get(&subnet.key().1)
    }

    pub(crate) fn public_in_use(&self, address: Ipv4Addr) -> bool {
        self.public.contains_key(&address)
    }

    /// A name-based id that no other call of this cloud gets.
    fn next(&mut self) -> (u64, Uuid) {
        self.serial += 1;
        let name = format!("{}:{}", self.seed, self.serial);
        (
            self.serial,
            Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        )
    }

    /// Applies a change and returns the one that undoes it.
    pub(crate) fn apply(&mut self, change: Change) -> Change {
        match change {
            Change::Put(resource) => {
                let key = resource.id.key();
                let id = resource.id.clone();
                if let Some(before) = self.resources.get(&key).cloned() {
                    self.unindex(&before);
                    self.index(&resource);
                    self.resources.insert(key, *resource);
                    Change::Put(Box::new(before))
                } else {
                    self.index(&resource);
                    self.resources.insert(key, *resource);
                    Change::Remove(id)
                }
            }
            Change::Remove(id) => match self.resources.remove(&id.key()) {
                Some(before) => {
                    self.unindex(&before);
                    Change::Put(Box::new(before))
                }
                None => Change::Remove(id),
            },
            Change::Operation(operation) => {
                let id = operation.id;
                if let Some(ended) = operation.ended_ms {
                    self.ended.insert((ended, id), ());
                }
                match self.operations.insert(id, *operation) {
                    Some(before) => Change::Operation(Box::new(before)),
                    None => Change::Forget(id),
                }
            }
            Change::Forget(id) => match self.operations.remove(&id) {
                Some(before) => {
                    if let Some(ended) = before.ended_ms {
                        self.ended.remove(&(ended, id));
                    }
                    Change::Operation(Box::new(before))
                }
                None => Change::Forget(id),
            },
            Change::Serial(serial) => {
                let before = self.serial;
                self.serial = serial;
                Change::Serial(before)
            }
        }
    }

    fn index(&mut self, resource: &Resource) {
        match &resource.data {
            Data::Nic(nic) => {
                for ip in &nic.ips {
                    self.private
                        .entry(ip.subnet.key().1)
                        .or_default()
                        .insert(ip.address, resource.id.clone());
                }
            }
            Data::PublicIp(public) => {
                if let Some(address) = public.address {
                    self.public.insert(address, resource.id.key());
                }
            }
            _ => {}
        }
    }

    fn unindex(&mut self, resource: &Resource) {
        match &resource.data {
            Data::Nic(nic) => {
                for ip in &nic.ips {
                    let key = ip.subnet.key().1;
                    if let Some(addresses) = self.private.get_mut(&key) {
                        addresses.remove(&ip.address);
                        if addresses.is_empty() {
                            self.private.remove(&key);
                        }
                    }
                }
            }
            Data::PublicIp(public) => {
                if let Some(address) = public.address {
                    self.public.remove(&address);
                }
            }
            _ => {}
        }
    }

    /// The changes that make an empty cloud this one.
    pub(crate) fn snapshot(&self) -> Vec<Change> {
        let mut changes = vec![Change::Serial(self.serial)];
        changes.extend(
            self.resources
                .values()
                .map(|resource| Change::Put(Box::new(resource.clone()))),
        );
        changes.extend(
            self.operations
                .values()
                .map(|operation| Change::Operation(Box::new(operation.clone()))),
        );
        changes
    }

    /// How many rows a snapshot has.
    pub(crate) fn len(&self) -> usize {
        self.resources.len() + self.operations.len() + 1
    }
}

/// A transaction: all of its changes, or none.
pub(crate) struct Tx<'a> {
    cloud: &'a mut Cloud,
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
    serial_before: u64,
    changes: Vec<Change>,
    undo: Vec<Change>,
    started: Vec<Uuid>,
}

/// What a transaction did.
pub(crate) struct Done {
    pub(crate) changes: Vec<Change>,
    /// Operations to carry out.
    pub(crate) started: Vec<Uuid>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(cloud: &'a mut Cloud, now_ms: i64) -> Self {
        let serial_before = cloud.serial;
        Self {
            cloud,
            now_ms,
            serial_before,
            changes: Vec::new(),
            undo: Vec::new(),
            started: Vec::new(),
        }
    }

    pub(crate) fn cloud(&self) -> &Cloud {
        self.cloud
    }

    pub(crate) fn get(&self, id: &ResourceId) -> Option<&Resource> {
        self.cloud.get(id)
    }

    /// An order number and a unique id.
    pub(crate) fn next(&mut self) -> (u64, Uuid) {
        self.cloud.next()
    }

    fn change(&mut self, change: Change) {
        self.changes.push(change.clone());
        self.undo.push(self.cloud.apply(change));
    }

    /// Writes a resource; its version is raised.
    pub(crate) fn put(&mut self, mut resource: Resource) {
        resource.version += 1;
        self.change(Change::Put(Box::new(resource)));
    }

    /// Changes a resource that exists; does nothing if it does not.
    pub(crate) fn update(&mut self, id: &ResourceId, edit: impl FnOnce(&mut Resource)) {
        if let Some(mut resource) = self.get(id).cloned() {
            edit(&mut resource);
            self.put(resource);
        }
    }

    pub(crate) fn remove(&mut self, id: &ResourceId) {
        self.change(Change::Remove(id.clone()));
    }

    /// Begins an operation; it is carried out once the transaction is durable.
    pub(crate) fn start(&mut self, operation: Operation) {
        self.started.push(operation.id);
        self.change(Change::Operation(Box::new(operation)));
    }

    /// Ends an operation, unless it has ended.
    pub(crate) fn end(
        &mut self,
        id: Uuid,
        outcome: Outcome,
        error: Option<crate::error::ArmError>,
    ) {
        let Some(mut operation) = self.cloud.operations.get(&id).cloned() else {
            return;
        };
        if operation.outcome != Outcome::InProgress {
            return;
        }
        operation.outcome = outcome;
        operation.error = error;
        operation.ended_ms = Some(self.now_ms);
        self.change(Change::Operation(Box::new(operation)));
        if self.cloud.ended.len() > ENDED_OPERATIONS
            && let Some(((_, oldest), ())) = self.cloud.ended.first_key_value()
        {
            let oldest = *oldest;
            self.change(Change::Forget(oldest));
        }
    }

    /// Keeps the changes.
    pub(crate) fn finish(mut self) -> Done {
        if self.cloud.serial != self.serial_before {
            self.changes.push(Change::Serial(self.cloud.serial));
        }
        Done {
            changes: self.changes,
            started: self.started,
        }
    }

    /// Takes the changes back. Used ids stay used.
    pub(crate) fn undo(mut self) {
        while let Some(change) = self.undo.pop() {
            self.cloud.apply(change);
        }
    }
}
