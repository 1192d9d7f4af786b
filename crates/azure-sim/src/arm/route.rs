//! From a request's path to its handler. Segments are compared without case.

use http::Method;
use serde_json::{Value, json};

use super::body::{object, patch_tags};
use super::common::{Answer, World, existing};
use super::lists::{self, Paging, Scope};
use super::vms::Conditions;
use super::{
    directory, disks, groups, nat_gateways, nics, nsgs, operations, public_ips, skus, usages,
    vm_actions, vms, vnets,
};
use crate::catalog::{REGIONS, region};
use crate::error::ArmError;
use crate::ids::{Kind, ResourceId};
use crate::state::Tx;

/// A request that has passed authentication.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// The path's segments, decoded.
    pub(crate) segments: &'a [String],
    /// The path as it came, for links to the next page.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: &'a [u8],
    pub(crate) conditions: Conditions,
    /// `https://host:port` of this request.
    pub(crate) base: &'a str,
}

impl Call<'_> {
    /// A query parameter, its name without case.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn paging(&self) -> Paging<'_> {
        Paging {
            skip_token: self.query("$skiptoken"),
            top: self.query("$top").and_then(|top| top.parse().ok()),
            with_view: self
                .query("statusOnly")
                .is_some_and(|only| only.eq_ignore_ascii_case("true"))
                || self
                    .query("$expand")
                    .is_some_and(|expand| expand.to_ascii_lowercase().contains("instanceview")),
            filter: self.query("$filter"),
        }
    }

    /// A page with the link to the next one.
    fn listed(&self, (mut body, next): (Value, Option<String>)) -> Answer {
        if let Some(next) = next {
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in self.query {
                if !name.eq_ignore_ascii_case("$skiptoken") {
                    query.append_pair(name, value);
                }
            }
            query.append_pair("$skiptoken", &next);
            body["nextLink"] = json!(format!("{}{}?{}", self.base, self.path, query.finish()));
        }
        Answer::ok(body)
    }

    fn not_allowed(&self) -> ArmError {
        ArmError::method(self.method.as_str())
    }
}

fn only_get(call: &Call<'_>, answer: impl FnOnce() -> Answer) -> Result<Answer, ArmError> {
    if call.method == Method::GET {
        Ok(answer())
    } else {
        Err(call.not_allowed())
    }
}

fn unknown(call: &Call<'_>) -> ArmError {
    ArmError::new(
        404,
        "InvalidResourceType",
        format!(
            "The resource type could not be found for the path '{}'; azure-sim does not offer it.",
            call.path
        ),
    )
}

/// Answers a request to the resource manager.
pub(crate) fn handle(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
) -> Result<Answer, ArmError> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let lower: Vec<String> = segments
        .iter()
        .map(|part| part.to_ascii_lowercase())
        .collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["subscriptions"] => {
            return only_get(call, || {
                Answer::ok(directory::subscriptions(world.settings))
            });
        }
        ["tenants"] => return only_get(call, || Answer::ok(directory::tenants(world.settings))),
        ["providers"] => return only_get(call, || Answer::ok(directory::providers(""))),
        ["subscriptions", _, ..] => {}
        _ => return Err(unknown(call)),
    }
    let subscription = world
        .settings
        .subscriptions
        .iter()
        .find(|known| known.eq_ignore_ascii_case(segments[1]))
        .ok_or_else(|| {
            ArmError::new(
                404,
                "SubscriptionNotFound",
                format!("The subscription '{}' could not be found.", segments[1]),
            )
        })?
        .clone();
    match &words[2..] {
        [] => only_get(call, || {
            Answer::ok(directory::subscription(world.settings, &subscription))
        }),
        ["locations"] => only_get(call, || Answer::ok(directory::locations(&subscription))),
        ["resources"] => {
            let page = lists::generic(tx, world, &subscription, None, &call.paging())?;
            Ok(call.listed(page))
        }
        ["operationresults", id] => operations::result(tx, id),
        ["resourcegroups"] => list(tx, world, call, &subscription, None, Kind::Group),
        ["resourcegroups", _] => group(
            tx,
            world,
            call,
            &ResourceId::group(&subscription, segments[3]),
        ),
        ["resourcegroups", _, "resources"] => {
            let page = lists::generic(tx, world, &subscription, Some(segments[3]), &call.paging())?;
            Ok(call.listed(page))
        }
        [
            "resourcegroups",
            _,
            "providers",
            namespace,
            segment,
            rest @ ..,
        ] => {
            let kind = Kind::find(namespace, segment).ok_or_else(|| unknown(call))?;
            let group = segments[3];
            if rest.is_empty() {
                return list(tx, world, call, &subscription, Some(group), kind);
            }
            let id = ResourceId::top(&subscription, group, kind, segments[7]);
            below(tx, world, call, &id, &segments[8..])
        }
        ["providers"] => only_get(call, || Answer::ok(directory::providers(&subscription))),
        ["providers", namespace, rest @ ..] => {
            provider(tx, world, call, &subscription, namespace, rest)
        }
        _ => Err(unknown(call)),
    }
}

fn list(
    tx: &Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    subscription: &str,
    group: Option<&str>,
    kind: Kind,
) -> Result<Answer, ArmError> {
    if call.method != Method::GET {
        return Err(call.not_allowed());
    }
    let scope = Scope {
        subscription,
        group,
        kind,
    };
    let page = lists::page(tx, world, &scope, &call.paging())?;
    Ok(call.listed(page))
}

fn group(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    match *call.method {
        Method::GET => lists::get(tx, world, id, None),
        Method::HEAD => Ok(groups::exists(tx, id)),
        Method::PUT => groups::put(tx, id, call.body),
        Method::PATCH => {
            let group = patch_tags(tx, id, &object(call.body)?)?;
            Ok(Answer::ok(groups::render(&group)))
        }
        Method::DELETE => groups::delete(tx, world, id),
        _ => Err(call.not_allowed()),
    }
}

/// A resource of a group and what is below it.
fn below(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    id: &ResourceId,
    rest: &[&str],
) -> Result<Answer, ArmError> {
    let child = |segment: &str| {
        id.kind
            .child()
            .filter(|kind| kind.segment().eq_ignore_ascii_case(segment))
    };
    match rest {
        [] => item(tx, world, call, id),
        ["instanceView" | "instanceview"] if id.kind == Kind::Vm && call.method == Method::GET => {
            vms::instance_view(tx, id)
        }
        [segment] if child(segment).is_some() => {
            if call.method == Method::GET {
                lists::children(tx, id)
            } else {
                Err(call.not_allowed())
            }
        }
        [segment, name] => match child(segment) {
            Some(kind) => item(tx, world, call, &id.with_child(kind, name)),
            None => Err(unknown(call)),
        },
        [action] if id.kind == Kind::Vm && call.method == Method::POST => {
            vm_actions::post(tx, world, id, action)?.ok_or_else(|| unknown(call))
        }
        _ => Err(unknown(call)),
    }
}

fn item(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    match *call.method {
        Method::GET => lists::get(tx, world, id, call.query("$expand")),
        Method::PUT => put(tx, world, call, id),
        Method::PATCH if id.kind == Kind::Vm => {
            vms::patch(tx, world, id, call.body, &call.conditions)
        }
        Method::PATCH if id.child.is_none() => {
            let resource = patch_tags(tx, id, &object(call.body)?)?;
            Ok(Answer::ok(lists::render(tx.cloud(), &resource)))
        }
        Method::DELETE => delete(tx, world, call, id),
        _ => Err(call.not_allowed()),
    }
}

fn put(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    match id.kind {
        Kind::Group => groups::put(tx, id, call.body),
        Kind::Vm => vms::put(tx, world, id, call.body, &call.conditions),
        Kind::Disk => disks::put(tx, world, id, call.body),
        Kind::Nic => nics::put(tx, world, id, call.body),
        Kind::PublicIp => public_ips::put(tx, world, id, call.body),
        Kind::Nsg => nsgs::put(tx, world, id, call.body),
        Kind::SecurityRule => nsgs::put_rule(tx, world, id, call.body),
        Kind::NatGateway => nat_gateways::put(tx, world, id, call.body),
        Kind::Vnet => vnets::put(tx, world, id, call.body),
        Kind::Subnet => vnets::put_subnet(tx, world, id, call.body),
    }
}

fn delete(
    tx: &mut Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    id: &ResourceId,
) -> Result<Answer, ArmError> {
    match existing(tx, id) {
        Err(error) if error.code == "ResourceGroupNotFound" => return Err(error),
        // What is not there is deleted.
        Err(_) => return Ok(Answer::empty(204)),
        Ok(_) => {}
    }
    match id.kind {
        Kind::Group => groups::delete(tx, world, id),
        Kind::Vm => {
            let force = call.query("forceDeletion");
            let forced = force.is_some_and(|force| force.eq_ignore_ascii_case("true"));
            vms::delete(tx, world, id, forced)
        }
        Kind::Disk => disks::delete(tx, world, id),
        Kind::Nic => nics::delete(tx, world, id),
        Kind::PublicIp => public_ips::delete(tx, world, id),
        Kind::Nsg | Kind::SecurityRule => nsgs::delete(tx, world, id),
        Kind::NatGateway => nat_gateways::delete(tx, world, id),
        Kind::Vnet | Kind::Subnet => vnets::delete(tx, world, id),
    }
}

/// `/subscriptions/{s}/providers/{namespace}/...`.
fn provider(
    tx: &Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    subscription: &str,
    namespace: &str,
    rest: &[&str],
) -> Result<Answer, ArmError> {
    let known = || {
        directory::provider(subscription, namespace).ok_or_else(|| {
            ArmError::new(
                404,
                "InvalidResourceNamespace",
                format!("The resource namespace '{namespace}' is invalid."),
            )
        })
    };
    match rest {
        [] => known().map(Answer::ok),
        ["register"] if call.method == Method::POST => known().map(Answer::ok),
        ["skus"] if namespace == "microsoft.compute" => {
            skus::list(world, call.query("$filter")).map(Answer::ok)
        }
        ["locations", location, rest @ ..] => {
            at_location(tx, world, call, subscription, namespace, location, rest)
        }
        [segment] => {
            let kind = Kind::find(namespace, segment).ok_or_else(|| unknown(call))?;
            list(tx, world, call, subscription, None, kind)
        }
        _ => Err(unknown(call)),
    }
}

fn at_location(
    tx: &Tx<'_>,
    world: &World<'_>,
    call: &Call<'_>,
    subscription: &str,
    namespace: &str,
    location: &str,
    rest: &[&str],
) -> Result<Answer, ArmError> {
    if call.method != Method::GET {
        return Err(call.not_allowed());
    }
    match rest {
        ["operations", id] if call.query("monitor").is_some() => return operations::result(tx, id),
        ["operations", id] => return operations::status(tx, id),
        ["operationresults", id] => return operations::result(tx, id),
        _ => {}
    }
    let Some(region) = region(location) else {
        let names: Vec<_> = REGIONS.iter().map(|region| region.name).collect();
        return Err(ArmError::new(
            400,
            "NoRegisteredProviderFound",
            format!(
                "No registered resource provider found for location '{location}'. The supported locations are '{}'.",
                names.join(", ")
            ),
        ));
    };
    match (namespace, rest) {
        ("microsoft.compute", ["usages"]) => Ok(Answer::ok(usages::compute(
            tx.cloud(),
            world,
            subscription,
            region.name,
        ))),
        ("microsoft.network", ["usages"]) => Ok(Answer::ok(usages::network(
            tx.cloud(),
            world,
            subscription,
            region.name,
        ))),
        ("microsoft.compute", ["vmsizes"]) => Ok(Answer::ok(skus::vm_sizes())),
        ("microsoft.compute", ["virtualmachines"]) => {
            list(tx, world, call, subscription, None, Kind::Vm)
        }
        (
            "microsoft.compute",
            [
                "publishers",
                publisher,
                "artifacttypes",
                "vmimage",
                rest @ ..,
            ],
        ) => {
            let rest: Vec<String> = rest.iter().map(ToString::to_string).collect();
            skus::images(subscription, region.name, publisher, &rest)
                .map(Answer::ok)
                .ok_or_else(|| ArmError::new(404, "NotFound", "No such image."))
        }
        _ => Err(unknown(call)),
    }
}
