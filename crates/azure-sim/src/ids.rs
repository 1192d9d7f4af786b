//! Resource ids: parsed without regard to case, printed in canonical case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The types of resources that the simulator keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Group,
    Vm,
    Disk,
    Nic,
    PublicIp,
    Nsg,
    SecurityRule,
    NatGateway,
    Vnet,
    Subnet,
}

/// Every kind, in the order in which a group's deletion removes them: what
/// refers to others comes before what it refers to.
pub(crate) const KINDS: [Kind; 10] = [
    Kind::Vm,
    Kind::Disk,
    Kind::Nic,
    Kind::Subnet,
    Kind::Vnet,
    Kind::NatGateway,
    Kind::SecurityRule,
    Kind::Nsg,
    Kind::PublicIp,
    Kind::Group,
];

impl Kind {
    /// The provider's namespace.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::Group => "Microsoft.Resources",
            Self::Vm | Self::Disk => "Microsoft.Compute",
            Self::Nic
            | Self::PublicIp
            | Self::Nsg
            | Self::SecurityRule
            | Self::NatGateway
            | Self::Vnet
            | Self::Subnet => "Microsoft.Network",
        }
    }

    /// The type's own segment; of a child, its segment below the parent.
    pub(crate) const fn segment(self) -> &'static str {
        match self {
            Self::Group => "resourceGroups",
            Self::Vm => "virtualMachines",
            Self::Disk => "disks",
            Self::Nic => "networkInterfaces",
            Self::PublicIp => "publicIPAddresses",
            Self::Nsg => "networkSecurityGroups",
            Self::SecurityRule => "securityRules",
            Self::NatGateway => "natGateways",
            Self::Vnet => "virtualNetworks",
            Self::Subnet => "subnets",
        }
    }

    /// The kind of a child's parent.
    pub(crate) const fn parent(self) -> Option<Self> {
        match self {
            Self::SecurityRule => Some(Self::Nsg),
            Self::Subnet => Some(Self::Vnet),
            _ => None,
        }
    }

    /// The kind of this kind's children.
    pub(crate) const fn child(self) -> Option<Self> {
        match self {
            Self::Nsg => Some(Self::SecurityRule),
            Self::Vnet => Some(Self::Subnet),
            _ => None,
        }
    }

    /// `Microsoft.Network/virtualNetworks/subnets`.
    pub(crate) fn type_name(self) -> String {
        match self.parent() {
            Some(parent) => format!("{}/{}", parent.type_name(), self.segment()),
            None => format!("{}/{}", self.namespace(), self.segment()),
        }
    }

    /// The top-level kind with this namespace and segment.
    pub(crate) fn find(namespace: &str, segment: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| {
            *kind != Self::Group
                && kind.parent().is_none()
                && kind.namespace().eq_ignore_ascii_case(namespace)
                && kind.segment().eq_ignore_ascii_case(segment)
        })
    }
}

/// What identifies a resource in the state: its kind and its id in lower case.
pub(crate) type Key = (Kind, String);

/// A resource id. Equality is by bytes; use [`ResourceId::key`] to compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct ResourceId {
    pub(crate) subscription: String,
    pub(crate) group: String,
    pub(crate) kind: Kind,
    /// The resource's name; of a child, its parent's. A group's own name.
    pub(crate) name: String,
    /// The child's name, present exactly for kinds with a parent.
    pub(crate) child: Option<String>,
}

impl ResourceId {
    /// A resource group.
    pub(crate) fn group(subscription: &str, group: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            kind: Kind::Group,
            name: group.to_owned(),
            child: None,
        }
    }

    /// A top-level resource of a group.
    pub(crate) fn top(subscription: &str, group: &str, kind: Kind, name: &str) -> Self {
        Self {
            subscription: subscription.to_owned(),
            group: group.to_owned(),
            kind,
            name: name.to_owned(),
            child: None,
        }
    }

    /// Another top-level resource of the same group.
    pub(crate) fn sibling(&self, kind: Kind, name: &str) -> Self {
        Self::top(&self.subscription, &self.group, kind, name)
    }

    /// A child of this resource.
    pub(crate) fn with_child(&self, kind: Kind, name: &str) -> Self {
        Self {
            kind,
            child: Some(name.to_owned()),
            ..self.clone()
        }
    }

    /// The resource that a child belongs to; a top-level resource itself.
    pub(crate) fn parent(&self) -> Self {
        Self {
            kind: self.kind.parent().unwrap_or(self.kind),
            child: None,
            ..self.clone()
        }
    }

    /// The resource's own name.
    pub(crate) fn leaf(&self) -> &str {
        self.child.as_deref().unwrap_or(&self.name)
    }

    /// The key in the state.
    pub(crate) fn key(&self) -> Key {
        (self.kind, self.to_string().to_ascii_lowercase())
    }

    /// Whether both name the same resource.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.leaf().eq_ignore_ascii_case(other.leaf())
            && self.key() == other.key()
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "/subscriptions/{}/resourceGroups/{}",
            self.subscription, self.group
        )?;
        if self.kind == Kind::Group {
            return Ok(());
        }
        let top = self.kind.parent().unwrap_or(self.kind);
        write!(
            f,
            "/providers/{}/{}/{}",
            top.namespace(),
            top.segment(),
            self.name
        )?;
        match &self.child {
            Some(child) => write!(f, "/{}/{child}", self.kind.segment()),
            None => Ok(()),
        }
    }
}

/// A text that is no id of a resource known here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of a resource of a known type")]
pub(crate) struct IdError(String);

impl FromStr for ResourceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let bad = || IdError(text.to_owned());
        let rest = text.strip_prefix('/').ok_or_else(bad)?;
        let parts: Vec<&str> = rest.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(bad());
        }
        let is = |index: usize, word: &str| {
            parts
                .get(index)
                .is_some_and(|part| part.eq_ignore_ascii_case(word))
        };
        if !is(0, "subscriptions") || !is(2, "resourceGroups") {
            return Err(bad());
        }
        match parts.as_slice() {
            [_, subscription, _, group] => Ok(Self::group(subscription, group)),
            [
                _,
                subscription,
                _,
                group,
                _,
                namespace,
                segment,
                name,
                rest @ ..,
            ] if is(4, "providers") => {
                let kind = Kind::find(namespace, segment).ok_or_else(bad)?;
                let top = Self::top(subscription, group, kind, name);
                match rest {
                    [] => Ok(top),
                    [segment, child] => {
                        let kind = kind
                            .child()
                            .filter(|kind| kind.segment().eq_ignore_ascii_case(segment))
                            .ok_or_else(bad)?;
                        Ok(top.with_child(kind, child))
                    }
                    _ => Err(bad()),
                }
            }
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for ResourceId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_canonical_in_segments_and_kept_in_names() {
        let id: ResourceId = "/Subscriptions/s/resourcegroups/RG/providers/microsoft.network/VIRTUALNETWORKS/Net/Subnets/Sub"
            .parse()
            .unwrap();
        assert_eq!(
            id.to_string(),
            "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Network/virtualNetworks/Net/subnets/Sub"
        );
        assert_eq!(id.parent().kind, Kind::Vnet);
        assert_eq!(id.leaf(), "Sub");
        assert_eq!(
            id.kind.type_name(),
            "Microsoft.Network/virtualNetworks/subnets"
        );
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for text in [
            "",
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/x",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/subnets/x",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/x/subnets/y",
        ] {
            assert!(text.parse::<ResourceId>().is_err(), "{text}");
        }
    }
}
