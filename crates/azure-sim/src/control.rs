//! The control endpoint `/sim`: inventory, journal, faults, and the weather of
//! the simulated cloud. It is no part of ARM and needs no token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::engine::{Engine, now_ms};
use crate::http::{Front, Request};
use crate::ids::{Kind, ResourceId};
use crate::network;
use crate::operation::Outcome;
use crate::resource::{Data, Resource};
use crate::state::Cloud;
use crate::tuning::{Lag, Restriction};

/// Entries of the journal in one answer, at most.
const MAX_ENTRIES: usize = 10_000;

type Reply = (u16, Option<Value>);

fn done() -> Reply {
    (204, None)
}

fn ok(body: Value) -> Reply {
    (200, Some(body))
}

fn bad(message: impl Into<String>) -> Reply {
    (
        400,
        Some(json!({"error": {"code": "BadRequest", "message": message.into()}})),
    )
}

fn parse<T: DeserializeOwned>(request: &Request) -> Result<T, Reply> {
    serde_json::from_slice(&request.body).map_err(|error| bad(error.to_string()))
}

/// Answers a request below `/sim`.
pub(crate) async fn handle(front: &Arc<Front>, request: &Request) -> Reply {
    match route(front, request).await {
        Ok(reply) | Err(reply) => reply,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Enabled {
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sku {
    #[serde(flatten)]
    restriction: Restriction,
    restricted: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    id: ResourceId,
}

async fn route(front: &Arc<Front>, request: &Request) -> Result<Reply, Reply> {
    let engine = &front.engine;
    let segments = request.segments();
    let words: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    Ok(match (request.method.clone(), words.as_slice()) {
        (Method::GET, ["health"]) => ok(json!({"ready": true})),
        (Method::GET, ["inventory"]) => ok(engine.read(inventory)),
        (Method::GET, ["journal"]) => journal(front, request)?,
        (Method::DELETE, ["journal"]) => {
            front.journal().clear();
            done()
        }
        (Method::GET, ["faults"]) => ok(json!({"faults": front.faults().list()})),
        (Method::POST, ["faults"]) => match front.faults().add(parse(request)?) {
            Some(id) => (201, Some(json!({"id": id}))),
            None => bad("there are too many faults; clear some with DELETE /sim/faults"),
        },
        (Method::DELETE, ["faults"]) => {
            front.faults().clear(None);
            done()
        }
        (Method::DELETE, ["faults", id]) => {
            let id = id.parse().map_err(|_| bad("a fault's id is a number"))?;
            front.faults().clear(Some(id));
            done()
        }
        (Method::POST, ["lag"]) => {
            let lag: Lag = parse(request)?;
            engine.tune(|tuning| tuning.lag = lag);
            done()
        }
        (Method::POST, ["buckets", "reset"]) => {
            front.buckets().reset();
            done()
        }
        (Method::POST, ["buckets"]) => {
            let Enabled { enabled } = parse(request)?;
            front.throttle.store(enabled, Ordering::Relaxed);
            done()
        }
        (Method::POST, ["tokens", "revoke"]) => {
            front.tokens.revoke(now_ms());
            done()
        }
        (Method::POST, ["quotas"]) => {
            let quotas: BTreeMap<String, u64> = parse(request)?;
            engine.tune(|tuning| tuning.quotas.extend(quotas));
            done()
        }
        (Method::POST, ["skus"]) => {
            let Sku {
                restriction,
                restricted,
            } = parse(request)?;
            engine.tune(|tuning| {
                tuning.restrictions.retain(|other| {
                    !(other.name.eq_ignore_ascii_case(&restriction.name)
                        && other.location == restriction.location)
                });
                if restricted {
                    tuning.restrictions.push(restriction);
                }
            });
            done()
        }
        (Method::POST, ["vms", "evict"]) => on_vm(engine, parse(request)?, false).await?,
        (Method::POST, ["vms", "remove"]) => on_vm(engine, parse(request)?, true).await?,
        _ => (
            404,
            Some(json!({"error": {"code": "NotFound", "message": "no such control endpoint"}})),
        ),
    })
}

fn journal(front: &Front, request: &Request) -> Result<Reply, Reply> {
    let query = request.query();
    let value = |name: &str| {
        query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    };
    let number = |name: &str, default: u64| {
        value(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| bad(format!("{name} is not a number")))
        })
    };
    let since = number("since", 0)?;
    let limit = usize::try_from(number("limit", 1_000)?)
        .unwrap_or(MAX_ENTRIES)
        .min(MAX_ENTRIES);
    let journal = front.journal();
    let (next, requests) = journal.since(since, value("method"), value("path"), limit);
    Ok(ok(json!({"next": next, "requests": requests})))
}

fn inventory(cloud: &Cloud) -> Value {
    let resources: Vec<Value> = cloud
        .resources()
        .map(|resource| entry(cloud, resource))
        .collect();
    let running = cloud
        .operations()
        .filter(|operation| operation.outcome == Outcome::InProgress)
        .count();
    json!({"resources": resources, "operations": {"running": running}})
}

fn entry(cloud: &Cloud, resource: &Resource) -> Value {
    let mut entry = json!({
        "id": resource.id.to_string(),
        "type": resource.id.kind.type_name(),
        "location": resource.location(),
        "tags": resource.body.get("tags").cloned().unwrap_or_else(|| json!({})),
        "provisioningState": resource.provisioning.text(),
    });
    match &resource.data {
        Data::Vm(vm) => {
            entry["power"] = json!(vm.power.code());
            entry["guest"] = json!(vm.guest);
            if let Some((private, public)) = network::addresses(cloud, vm) {
                entry["address"] = json!(private);
                entry["public_address"] = json!(public);
            }
        }
        Data::Nic(nic) => {
            entry["address"] = json!(nic.ips.first().map(|ip| ip.address));
            entry["vm"] = json!(nic.vm.as_ref().map(ToString::to_string));
        }
        Data::PublicIp(public) => {
            entry["address"] = json!(public.address);
            entry["user"] = json!(public.user.as_ref().map(ToString::to_string));
        }
        Data::Disk(disk) => entry["vm"] = json!(disk.vm.as_ref().map(ToString::to_string)),
        Data::Plain | Data::Subnet(_) | Data::NatGateway(_) => {}
    }
    entry
}

/// What happens to VMs behind everybody's back: power lost, or gone altogether.
async fn on_vm(engine: &Arc<Engine>, target: Target, remove: bool) -> Result<Reply, Reply> {
    let id = target.id;
    let found = engine.read(|cloud| Some(cloud.get(&id)?.vm()?.guest.clone()));
    let Some(guest) = found.filter(|_| id.kind == Kind::Vm) else {
        return Err((
            404,
            Some(
                json!({"error": {"code": "NotFound", "message": format!("there is no virtual machine {id}")}}),
            ),
        ));
    };
    let lock = engine.vm_lock(&id);
    let _held = lock.lock().await;
    let failed = |message: String| {
        (
            500,
            Some(json!({"error": {"code": "InternalServerError", "message": message}})),
        )
    };
    engine
        .on_hosts(move |hosts| {
            if remove {
                hosts.delete(&guest)
            } else {
                hosts.stop(&guest, false)
            }
        })
        .await
        .map_err(|error| failed(error.chain()))?;
    engine
        .change(|tx| {
            if remove {
                crate::arm::remove(tx, &id);
            } else {
                tx.update(&id, |resource| {
                    if let Some(vm) = resource.vm_mut() {
                        vm.power = crate::resource::Power::Deallocated;
                    }
                });
            }
        })
        .await
        .map_err(|error| failed(error.to_string()))?;
    Ok(done())
}
