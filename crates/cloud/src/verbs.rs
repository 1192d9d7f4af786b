//! What can be asked of a cloud.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use lazuli_model::document::ledger::CloudResource;
use lazuli_model::id::{ControllerId, EffectId, ModelId};
use lazuli_model::offer::Offer;
use lazuli_model::state::{ChildKind, Effect, MachineInterface, VirtualMachine};

use crate::{CloudError, CloudSpec};

/// A row of the ledger with all that a call about it needs.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Whose resource it is; goes into its tags.
    pub controller: ControllerId,
    /// The model it belongs to.
    pub model: ModelId,
    /// The model's resource group, by name.
    pub group: &'a str,
    /// The row.
    pub effect: &'a Effect,
    /// The frozen body of a virtual machine, see [`Cloud::freeze`]; none for
    /// other roles, whose bodies follow from the row.
    pub body: Option<&'a [u8]>,
    /// Whether the call may still be made.
    pub fence: &'a dyn Fence,
}

/// Asked just before a request that changes something is sent: it may have
/// waited, and whoever lost a model must not change its cloud any more.
pub trait Fence: fmt::Debug + Send + Sync {
    /// Whether the request may be sent.
    fn may_send(&self) -> bool;
}

/// A virtual machine to make, with the key material of its first boot.
#[derive(Clone)]
pub struct MachineOrder<'a> {
    /// Whose it is.
    pub controller: ControllerId,
    /// The model it belongs to.
    pub model: ModelId,
    /// The model's resource group, by name.
    pub group: &'a str,
    /// The row's id; goes into the tags.
    pub effect: EffectId,
    /// The name at the cloud.
    pub name: &'a str,
    /// What it should be.
    pub spec: &'a VirtualMachine,
    /// Keys that may log in as `ubuntu`, one-line form; the model's own first.
    pub authorized_keys: &'a [String],
    /// Its SSH host key: the private half in OpenSSH's PEM.
    pub host_key_private: &'a str,
    /// Its SSH host key: the public half, one-line form.
    pub host_key_public: &'a str,
}

/// How far a verb got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The resource is as the row says.
    Present {
        /// The cloud's id.
        cloud_id: String,
    },
    /// The cloud works on it.
    Accepted {
        /// The cloud's id, if known.
        cloud_id: Option<String>,
        /// The url to ask; none when only the resource tells.
        operation: Option<String>,
        /// Not to be asked before this has passed.
        poll_after: Duration,
    },
    /// The virtual machine is there and does not run, though it did.
    Down(Down),
    /// The resource is gone.
    Gone,
    /// The name is taken by what is not ours.
    Foreign {
        /// What was found, for people.
        found: String,
    },
}

/// A virtual machine as the lists show it, with what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenMachine {
    /// The ledger's id, from its tag; none when the tag is missing.
    pub effect: Option<EffectId>,
    /// Its name.
    pub name: String,
    /// The cloud's id.
    pub cloud_id: String,
    /// The cloud's word for its provisioning, such as `Succeeded`.
    pub provisioning: String,
    /// The primary interface's private address.
    pub address: Option<IpAddr>,
    /// The public address.
    pub public_address: Option<IpAddr>,
    /// The primary interface's hardware address, lower case with colons.
    pub mac: Option<String>,
    /// Its other interfaces, in their order.
    pub interfaces: Vec<MachineInterface>,
    /// What came with it: kind, name, the cloud's id.
    pub children: Vec<(ChildKind, String, String)>,
}

/// Where all virtual machines of a subscription stand, whoever made them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// By group and name, both in lower case. What is missing may be gone, or
    /// too new for the list; what is there may be gone as well, since a while.
    pub machines: HashMap<(String, String), Health>,
    /// Requests that it took.
    pub pages: usize,
}

impl Survey {
    /// What is told of a machine.
    #[must_use]
    pub fn get(&self, group: &str, name: &str) -> Option<&Health> {
        self.machines
            .get(&(group.to_lowercase(), name.to_lowercase()))
    }
}

/// Whether a virtual machine does what it is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It runs, or is about to, or the cloud does not say otherwise.
    Up,
    /// It does not run.
    Down(Down),
}

/// Why a virtual machine does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// The cloud's word, such as `PowerState/deallocated`.
    pub code: String,
    /// For people, with what to do.
    pub reason: String,
}

/// A limit of the subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Such as `standardBSFamily` or `cores`.
    pub name: String,
    /// Used now.
    pub used: u64,
    /// At most.
    pub limit: u64,
    /// Where it holds, for the command that raises it.
    pub scope: String,
}

/// A cloud. All verbs are idempotent; a call is one attempt.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// The cloud with the credential that is used, for charms that are
    /// trusted; none when it has none to give.
    fn spec(&self) -> Option<CloudSpec>;

    /// Makes the exact bytes that create a virtual machine. They are committed
    /// (encrypted) before the call, so that a repeat sends the same.
    ///
    /// # Errors
    /// When the order cannot be expressed.
    fn freeze(&self, order: &MachineOrder<'_>) -> Result<Vec<u8>, CloudError>;

    /// Brings the resource to what its row says. What exists under the name
    /// is adopted only if its tags name this controller and row.
    ///
    /// # Errors
    /// Classed; see [`CloudError`].
    async fn ensure(&self, call: Call<'_>) -> Result<Progress, CloudError>;

    /// Asks how the cloud's work stands: of an `ensure`, of a `remove` if the
    /// row is `Deleting`, or whether the resource is still there (and runs)
    /// if the row is `Present`.
    ///
    /// # Errors
    /// Classed; an operation that failed is an error, and so is (as `Gone`)
    /// that the cloud does not know the resource, which may be because it is
    /// new.
    async fn poll(&self, call: Call<'_>) -> Result<Progress, CloudError>;

    /// Deletes the resource by the cloud's id. A resource group is deleted
    /// only when it is empty.
    ///
    /// # Errors
    /// Classed; what is in use still is a conflict, and what a read did not
    /// find is `Gone`, which is to be believed when it is so again.
    async fn remove(&self, call: Call<'_>) -> Result<Progress, CloudError>;

    /// All virtual machines of a group with their interfaces and addresses:
    /// a page for many machines, never a call per machine.
    ///
    /// # Errors
    /// Classed.
    async fn machines(&self, group: &str) -> Result<Vec<SeenMachine>, CloudError>;

    /// What a group holds, whoever made it; none when there is no such group.
    /// What was made or deleted a moment ago may be missing, or still there.
    ///
    /// # Errors
    /// Classed.
    async fn contents(
        &self,
        model: ModelId,
        group: &str,
    ) -> Result<Option<Vec<CloudResource>>, CloudError>;

    /// All virtual machines of the subscription, and whether they run.
    ///
    /// # Errors
    /// Classed.
    async fn survey(&self) -> Result<Survey, CloudError>;

    /// The sizes that the region offers to this subscription, cheapest first.
    ///
    /// # Errors
    /// Classed.
    async fn offers(&self, region: &str) -> Result<Vec<Offer>, CloudError>;

    /// The limits that count when machines are made.
    ///
    /// # Errors
    /// Classed.
    async fn usages(&self, region: &str) -> Result<Vec<Usage>, CloudError>;
}
