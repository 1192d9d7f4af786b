//! What a request counts against, from its method and path, and the published
//! rates (Microsoft's documentation of throttling in the resource manager, of
//! 2024, and of the compute and network providers).

use azure_core::http::Method;

use super::transport::Refusal;

/// How much a bucket holds, and how much of it comes back per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    pub(super) burst: f64,
    pub(super) per_second: f64,
}

const fn rate(burst: f64, per_second: f64) -> Rate {
    Rate { burst, per_second }
}

const fn per_minute(refill: f64, burst: f64) -> Rate {
    rate(burst, refill / 60.0)
}

/// The types of operations that the resource manager counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Operation {
    Read,
    Write,
    Delete,
}

/// The policies of the compute provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Policy {
    PutVm,
    UpdateVm,
    DeleteVm,
    LowCostGet,
    HighCostGet,
    GetOperation,
}

/// What a bucket is for. A client has one subscription and one principal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// The resource manager's.
    Principal(Operation),
    /// The compute provider's, of the subscription.
    Compute(Policy),
    /// The compute provider's, of one machine or operation.
    Resource(String, Policy),
    /// The network provider's: whether it is a read.
    Network(bool),
}

impl Scope {
    /// The bucket of one machine or operation, where a policy has such.
    pub(super) fn resource(id: &str, policy: Policy) -> Option<Self> {
        (policy != Policy::HighCostGet).then(|| Self::Resource(id.to_lowercase(), policy))
    }

    pub(super) const fn rate(&self) -> Rate {
        match self {
            Self::Principal(Operation::Read) => rate(250.0, 25.0),
            Self::Principal(Operation::Write | Operation::Delete) => rate(200.0, 10.0),
            Self::Compute(Policy::PutVm | Policy::UpdateVm | Policy::DeleteVm) => {
                per_minute(500.0, 1_500.0)
            }
            Self::Compute(Policy::LowCostGet) => per_minute(8_000.0, 24_000.0),
            Self::Compute(Policy::HighCostGet) | Self::Resource(_, Policy::HighCostGet) => {
                per_minute(300.0, 900.0)
            }
            Self::Compute(Policy::GetOperation) => per_minute(5_000.0, 15_000.0),
            Self::Resource(_, Policy::PutVm | Policy::UpdateVm | Policy::DeleteVm) => {
                per_minute(4.0, 12.0)
            }
            Self::Resource(_, Policy::LowCostGet) => per_minute(12.0, 36.0),
            Self::Resource(_, Policy::GetOperation) => per_minute(15.0, 45.0),
            Self::Network(true) => per_minute(2_000.0, 10_000.0),
            Self::Network(false) => per_minute(200.0, 1_000.0),
        }
    }
}

/// A bucket that a request draws from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draw {
    pub(super) scope: Scope,
    pub(super) rate: Rate,
}

impl Draw {
    pub(super) fn of(scope: Scope) -> Self {
        Self {
            rate: scope.rate(),
            scope,
        }
    }
}

/// What a request counts against: the resource manager's bucket first.
pub(super) fn draws(method: Method, path: &str) -> Vec<Draw> {
    let operation = match method {
        Method::Get | Method::Head => Operation::Read,
        Method::Delete => Operation::Delete,
        _ => Operation::Write,
    };
    let mut scopes = vec![Scope::Principal(operation)];
    let segments: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    let words: Vec<&str> = segments.iter().map(String::as_str).collect();
    if let Some((policy, id)) = compute(method, &words) {
        scopes.push(Scope::Compute(policy));
        scopes.extend(id.and_then(|id| Scope::resource(&id, policy)));
    } else if words.contains(&"microsoft.network") {
        scopes.push(Scope::Network(operation == Operation::Read));
    }
    scopes.into_iter().map(Draw::of).collect()
}

/// The compute provider's policy and, where there is one, the machine or the
/// operation that it is about.
fn compute(method: Method, words: &[&str]) -> Option<(Policy, Option<String>)> {
    match words {
        [
            _,
            _,
            "providers",
            "microsoft.compute",
            "locations",
            _,
            "operations",
            id,
        ] => Some((Policy::GetOperation, Some((*id).to_owned()))),
        [_, _, "providers", "microsoft.compute", ..] => Some((Policy::HighCostGet, None)),
        [.., "microsoft.compute", "virtualmachines"] => Some((Policy::HighCostGet, None)),
        [
            _,
            _,
            _,
            group,
            "providers",
            "microsoft.compute",
            "virtualmachines",
            name,
            rest @ ..,
        ] => {
            let policy = match (method, rest) {
                (Method::Get, _) => Policy::LowCostGet,
                (Method::Put, []) => Policy::PutVm,
                (Method::Delete, []) | (_, ["deallocate"]) => Policy::DeleteVm,
                _ => Policy::UpdateVm,
            };
            Some((policy, Some(format!("{group}/{name}"))))
        }
        _ => None,
    }
}

/// The bucket that a refusal for too many requests is about: the front door's
/// if it says so, else the provider's; that of the one machine if only that is
/// used up.
pub(super) fn refused(draws: &[Draw], refusal: &Refusal<'_>) -> Option<Scope> {
    let find = |wanted: fn(&Scope) -> bool| {
        let scopes = draws.iter().map(|draw| &draw.scope);
        scopes.into_iter().find(|scope| wanted(scope)).cloned()
    };
    if refusal.by_gateway || refusal.code == "SubscriptionRequestsThrottled" {
        return find(|scope| matches!(scope, Scope::Principal(_)));
    }
    let used_up = |what: &str| {
        refusal
            .remaining
            .split(',')
            .any(|entry| entry.trim_end().ends_with(";0") && entry.contains(what))
    };
    if used_up("Resource") && !used_up("Subscription") {
        return find(|scope| matches!(scope, Scope::Resource(..)));
    }
    find(|scope| matches!(scope, Scope::Compute(_) | Scope::Network(_)))
        .or_else(|| find(|scope| matches!(scope, Scope::Principal(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str =
        "/subscriptions/s/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/M";

    fn scopes(method: Method, path: &str) -> Vec<Scope> {
        let draws = draws(method, path).into_iter();
        draws.map(|draw| draw.scope).collect()
    }

    #[test]
    fn requests_count_against_what_azure_counts_them_against() {
        use Operation::{Delete, Read, Write};
        let of = |policy| Scope::Resource("g/m".to_owned(), policy);
        assert_eq!(
            scopes(Method::Put, VM),
            [
                Scope::Principal(Write),
                Scope::Compute(Policy::PutVm),
                of(Policy::PutVm)
            ]
        );
        assert_eq!(
            scopes(Method::Delete, VM)[1..],
            [Scope::Compute(Policy::DeleteVm), of(Policy::DeleteVm)]
        );
        assert_eq!(
            scopes(Method::Get, VM)[1..],
            [Scope::Compute(Policy::LowCostGet), of(Policy::LowCostGet)]
        );
        assert_eq!(
            scopes(
                Method::Get,
                "/subscriptions/s/providers/Microsoft.Compute/locations/eastus/operations/O"
            )[2],
            Scope::Resource("o".to_owned(), Policy::GetOperation)
        );
        for list in [
            "/subscriptions/s/providers/Microsoft.Compute/virtualMachines",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines",
        ] {
            assert_eq!(
                scopes(Method::Get, list),
                [Scope::Principal(Read), Scope::Compute(Policy::HighCostGet)]
            );
        }
        let nsg =
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n";
        assert_eq!(
            scopes(Method::Delete, nsg),
            [Scope::Principal(Delete), Scope::Network(false)]
        );
        assert_eq!(
            scopes(Method::Put, "/subscriptions/s/resourceGroups/g"),
            [Scope::Principal(Write)]
        );
    }

    #[test]
    fn a_refusal_closes_what_it_is_about() {
        let put = draws(Method::Put, VM);
        let refusal = |code, by_gateway, remaining| Refusal {
            code,
            by_gateway,
            remaining,
        };
        let front = refusal("SubscriptionRequestsThrottled", true, "");
        assert_eq!(
            refused(&put, &front),
            Some(Scope::Principal(Operation::Write))
        );
        let one = refusal(
            "OperationNotAllowed",
            false,
            "Microsoft.Compute/PutVMSubscriptionMaximum;1487,Microsoft.Compute/PutVMResourceMaximum;0",
        );
        assert_eq!(
            refused(&put, &one),
            Some(Scope::Resource("g/m".to_owned(), Policy::PutVm))
        );
        let all = refusal(
            "OperationNotAllowed",
            false,
            "Microsoft.Compute/PutVMSubscriptionMaximum;0",
        );
        assert_eq!(refused(&put, &all), Some(Scope::Compute(Policy::PutVm)));
        let unknown = refusal("TooManyRequests", false, "");
        assert_eq!(refused(&put, &unknown), Some(Scope::Compute(Policy::PutVm)));
    }
}
