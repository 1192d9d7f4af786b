//! Token buckets at Azure's published figures: those of the resource manager
//! per principal, those of the compute provider per subscription and per VM,
//! those of the network provider per subscription.

use std::collections::BTreeMap;
use std::time::Instant;

use http::Method;
use serde_json::json;

use crate::error::ArmError;

/// Buckets of single VMs are dropped when there are more than this; a dropped
/// one is full again.
const MAX_BUCKETS: usize = 20_000;

/// How much a bucket holds, and how much of it comes back per second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rate {
    burst: f64,
    per_second: f64,
}

const fn rate(burst: f64, per_second: f64) -> Rate {
    Rate { burst, per_second }
}

const fn per_minute(refill: f64, burst: f64) -> Rate {
    Rate {
        burst,
        per_second: refill / 60.0,
    }
}

/// The three operation types of the resource manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Read,
    Write,
    Delete,
}

impl Operation {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET | Method::HEAD => Self::Read,
            Method::DELETE => Self::Delete,
            _ => Self::Write,
        }
    }

    const fn rate(self) -> Rate {
        match self {
            Self::Read => rate(250.0, 25.0),
            Self::Write | Self::Delete => rate(200.0, 10.0),
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Delete => "deletes",
        }
    }
}

/// The policies of the compute provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Policy {
    PutVm,
    UpdateVm,
    DeleteVm,
    LowCostGet,
    HighCostGet,
    GetOperation,
}

impl Policy {
    const fn name(self) -> &'static str {
        match self {
            Self::PutVm => "PutVM",
            Self::UpdateVm => "UpdateVM",
            Self::DeleteVm => "DeleteVM",
            Self::LowCostGet => "LowCostGet",
            Self::HighCostGet => "HighCostGet",
            Self::GetOperation => "GetOperation",
        }
    }

    const fn subscription(self) -> Rate {
        match self {
            Self::PutVm | Self::UpdateVm | Self::DeleteVm => per_minute(500.0, 1_500.0),
            Self::LowCostGet => per_minute(8_000.0, 24_000.0),
            Self::HighCostGet => per_minute(300.0, 900.0),
            Self::GetOperation => per_minute(5_000.0, 15_000.0),
        }
    }

    const fn resource(self) -> Option<Rate> {
        match self {
            Self::PutVm | Self::UpdateVm | Self::DeleteVm => Some(per_minute(4.0, 12.0)),
            Self::LowCostGet => Some(per_minute(12.0, 36.0)),
            Self::GetOperation => Some(per_minute(15.0, 45.0)),
            Self::HighCostGet => None,
        }
    }

    /// The policy of a compute request and, where one applies, the resource
    /// (by its id or its operation).
    fn of(method: &Method, segments: &[String]) -> Option<(Self, Option<String>)> {
        let is = |index: usize, word: &str| {
            segments
                .get(index)
                .is_some_and(|part| part.eq_ignore_ascii_case(word))
        };
        if is(2, "providers") && is(3, "Microsoft.Compute") {
            return match segments.len() {
                7 if is(6, "operations") => None,
                8 if is(6, "operations") => Some((
                    Self::GetOperation,
                    segments.last().map(|id| id.to_ascii_lowercase()),
                )),
                _ => Some((Self::HighCostGet, None)),
            };
        }
        if !(is(4, "providers") && is(5, "Microsoft.Compute") && is(6, "virtualMachines")) {
            return None;
        }
        let vm = segments
            .get(..8)
            .map(|id| id.join("/").to_ascii_lowercase());
        Some(match (method, segments.len()) {
            (&Method::GET, 7) => (Self::HighCostGet, None),
            (&Method::GET, _) => (Self::LowCostGet, vm),
            (&Method::PUT, 8) => (Self::PutVm, vm),
            (&Method::DELETE, 8) => (Self::DeleteVm, vm),
            (_, 9) if is(8, "deallocate") => (Self::DeleteVm, vm),
            _ => (Self::UpdateVm, vm),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    /// Subscription, principal.
    Principal(String, String, Operation),
    /// Subscription, all principals.
    Global(String, Operation),
    Compute(String, Policy),
    Resource(String, Policy),
    /// Subscription, whether it is a read.
    Network(String, bool),
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: f64,
    at: Instant,
}

/// All buckets of the simulator.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    buckets: BTreeMap<Scope, Bucket>,
}

/// One bucket that a request draws from.
struct Draw {
    scope: Scope,
    rate: Rate,
}

impl Buckets {
    /// Fills all buckets.
    pub(crate) fn reset(&mut self) {
        self.buckets.clear();
    }

    /// Draws one token for a request from each bucket that applies, or refuses
    /// it. Either way the headers say what is left.
    pub(crate) fn take(
        &mut self,
        method: &Method,
        segments: &[String],
        principal: &str,
        now: Instant,
    ) -> (Vec<(String, String)>, Result<(), ArmError>) {
        let mut headers = Vec::new();
        let Some(subscription) = segments.get(1).map(|id| id.to_ascii_lowercase()) else {
            return (headers, Ok(()));
        };
        if self.buckets.len() > MAX_BUCKETS {
            self.buckets
                .retain(|scope, _| !matches!(scope, Scope::Resource(..)));
        }
        let operation = Operation::of(method);
        let own = Draw {
            scope: Scope::Principal(subscription.clone(), principal.to_owned(), operation),
            rate: operation.rate(),
        };
        let all = Draw {
            scope: Scope::Global(subscription.clone(), operation),
            rate: rate(
                operation.rate().burst * 15.0,
                operation.rate().per_second * 15.0,
            ),
        };
        let words = operation.words();
        for (draw, header) in [
            (
                own,
                format!("x-ms-ratelimit-remaining-subscription-{words}"),
            ),
            (
                all,
                format!("x-ms-ratelimit-remaining-subscription-global-{words}"),
            ),
        ] {
            let taken = self.draw(&draw, now);
            headers.push((header, left(taken)));
            if let Err(wait) = taken {
                return (headers, Err(front_door(&subscription, words, wait)));
            }
        }
        let provider = self.take_of_provider(method, segments, &subscription, now, &mut headers);
        (headers, provider)
    }

    fn take_of_provider(
        &mut self,
        method: &Method,
        segments: &[String],
        subscription: &str,
        now: Instant,
        headers: &mut Vec<(String, String)>,
    ) -> Result<(), ArmError> {
        if let Some((policy, resource)) = Policy::of(method, segments) {
            let mut draws = vec![(
                "Subscription",
                Draw {
                    scope: Scope::Compute(subscription.to_owned(), policy),
                    rate: policy.subscription(),
                },
            )];
            if let (Some(id), Some(rate)) = (resource, policy.resource()) {
                draws.push((
                    "Resource",
                    Draw {
                        scope: Scope::Resource(id, policy),
                        rate,
                    },
                ));
            }
            let mut remaining = Vec::new();
            let mut refused = None;
            for (what, draw) in draws {
                let target = format!("{}{what}Maximum", policy.name());
                let taken = self.draw(&draw, now);
                remaining.push(format!("Microsoft.Compute/{target};{}", left(taken)));
                if let Err(wait) = taken {
                    refused = Some(compute(policy, &target, draw.rate, wait));
                    break;
                }
            }
            headers.push((
                "x-ms-ratelimit-remaining-resource".to_owned(),
                remaining.join(","),
            ));
            return refused.map_or(Ok(()), Err);
        }
        let network = [3, 5].into_iter().any(|index| {
            segments
                .get(index)
                .is_some_and(|part| part.eq_ignore_ascii_case("Microsoft.Network"))
        });
        if network {
            let read = Operation::of(method) == Operation::Read;
            let draw = Draw {
                scope: Scope::Network(subscription.to_owned(), read),
                rate: if read {
                    rate(10_000.0, 10_000.0 / 300.0)
                } else {
                    rate(1_000.0, 1_000.0 / 300.0)
                },
            };
            if let Err(wait) = self.draw(&draw, now) {
                return Err(too_many(
                    "TooManyRequests",
                    "The request is being throttled as the limit has been reached for operation type of Microsoft.Network.".to_owned(),
                    wait,
                ));
            }
        }
        Ok(())
    }

    /// What is left, or the seconds until there is a token again.
    fn draw(&mut self, draw: &Draw, now: Instant) -> Result<f64, f64> {
        let bucket = self.buckets.entry(draw.scope.clone()).or_insert(Bucket {
            level: draw.rate.burst,
            at: now,
        });
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.level = (bucket.level + elapsed * draw.rate.per_second).min(draw.rate.burst);
        bucket.at = now;
        if bucket.level < 1.0 {
            return Err((1.0 - bucket.level) / draw.rate.per_second);
        }
        bucket.level -= 1.0;
        Ok(bucket.level)
    }
}

fn left(taken: Result<f64, f64>) -> String {
    format!("{:.0}", taken.unwrap_or(0.0).floor())
}

fn seconds(wait: f64) -> String {
    format!("{:.0}", wait.ceil().max(1.0))
}

fn too_many(code: &str, message: String, wait: f64) -> ArmError {
    ArmError::new(429, code, message).header("Retry-After", seconds(wait))
}

fn front_door(subscription: &str, words: &str, wait: f64) -> ArmError {
    too_many(
        "SubscriptionRequestsThrottled",
        format!(
            "Number of '{words}' requests for subscription '{subscription}' actor exceeded. Please try again after '{}' seconds after additional tokens are available. Refer to https://aka.ms/arm-throttling for additional information.",
            seconds(wait)
        ),
        wait,
    )
    .header("x-ms-failure-cause", "gateway")
}

fn compute(policy: Policy, target: &str, rate: Rate, wait: f64) -> ArmError {
    let inner = json!({
        "operationGroup": policy.name(),
        "allowedRequestCount": rate.burst,
        "measuredRequestCount": rate.burst + 1.0,
    });
    too_many(
        "OperationNotAllowed",
        "The server rejected the request because too many requests have been received for this subscription.".to_owned(),
        wait,
    )
    .detail(json!({"code": "TooManyRequests", "target": target, "message": inner.to_string()}))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn segments(path: &str) -> Vec<String> {
        path.trim_start_matches('/')
            .split('/')
            .map(ToOwned::to_owned)
            .collect()
    }

    fn vm(name: &str) -> Vec<String> {
        segments(&format!(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/{name}"
        ))
    }

    #[test]
    fn two_hundred_writes_then_ten_per_second() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        let put = |buckets: &mut Buckets, n: u32, at| {
            buckets.take(&Method::PUT, &vm(&format!("m{n}")), "p", at).1
        };
        for n in 0..200 {
            assert!(put(&mut buckets, n, start).is_ok(), "{n}");
        }
        let refused = put(&mut buckets, 200, start).unwrap_err();
        assert_eq!(
            (refused.status, refused.code.as_str()),
            (429, "SubscriptionRequestsThrottled")
        );
        assert!(
            refused
                .headers()
                .contains(&("Retry-After".to_owned(), "1".to_owned()))
        );
        let later = start + Duration::from_secs(1);
        for n in 0..10 {
            assert!(put(&mut buckets, 300 + n, later).is_ok(), "{n}");
        }
        assert!(put(&mut buckets, 400, later).is_err());
        // Another principal has its own.
        assert!(buckets.take(&Method::PUT, &vm("x"), "q", later).1.is_ok());
    }

    #[test]
    fn one_vm_takes_twelve_puts() {
        let mut buckets = Buckets::default();
        let now = Instant::now();
        for _ in 0..12 {
            assert!(buckets.take(&Method::PUT, &vm("m"), "p", now).1.is_ok());
        }
        let (headers, refused) = buckets.take(&Method::PUT, &vm("m"), "p", now);
        let refused = refused.unwrap_err();
        assert_eq!(refused.code, "OperationNotAllowed");
        assert_eq!(
            refused.object()["details"][0]["target"],
            "PutVMResourceMaximum"
        );
        assert!(headers.iter().any(|(name, value)| {
            name == "x-ms-ratelimit-remaining-resource" && value.ends_with("PutVMResourceMaximum;0")
        }));
        buckets.reset();
        assert!(buckets.take(&Method::PUT, &vm("m"), "p", now).1.is_ok());
    }
}
