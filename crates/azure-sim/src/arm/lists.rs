//! GET of single resources and of lists, page by page, with the lag that the
//! control endpoint asked for.

use serde_json::{Value, json};

use super::common::{Answer, World, existing, group_of};
use super::{disks, groups, nat_gateways, nics, nsgs, public_ips, vm_view, vnets};
use crate::error::ArmError;
use crate::ids::{Key, Kind, ResourceId};
use crate::resource::Resource;
use crate::state::{Cloud, Tx};

/// A resource as a GET answers it.
pub(crate) fn render(cloud: &Cloud, resource: &Resource) -> Value {
    match resource.id.kind {
        Kind::Group => groups::render(resource),
        Kind::Vm => vm_view::render(resource, false),
        Kind::Disk => disks::render(resource),
        Kind::Nic => nics::render(resource),
        Kind::PublicIp => public_ips::render(resource),
        Kind::Nsg => nsgs::render(cloud, resource),
        Kind::SecurityRule => nsgs::render_rule(resource),
        Kind::NatGateway => nat_gateways::render(cloud, resource),
        Kind::Vnet => vnets::render(cloud, resource),
        Kind::Subnet => vnets::render_subnet(cloud, resource),
    }
}

pub(crate) fn get(
    tx: &Tx<'_>,
    world: &World<'_>,
    id: &ResourceId,
    expand: Option<&str>,
) -> Result<Answer, ArmError> {
    if let Some(ghost) = world.tuning.ghost(&id.key(), tx.now_ms) {
        return Ok(Answer::ok(ghost.clone()));
    }
    if id.kind == Kind::Group {
        return group_of(tx, id).map(|group| Answer::ok(groups::render(group)));
    }
    let resource = existing(tx, id)?;
    if resource.created_ms > tx.now_ms - world.tuning.lag.get_ms {
        return Err(ArmError::not_found(id));
    }
    let with_view =
        expand.is_some_and(|expand| expand.to_ascii_lowercase().contains("instanceview"));
    let body = if resource.id.kind == Kind::Vm {
        vm_view::render(resource, with_view)
    } else {
        render(tx.cloud(), resource)
    };
    let mut answer = Answer::ok(body);
    if resource.id.kind != Kind::Group {
        answer.etag = Some(resource.etag());
    }
    Ok(answer)
}

/// Where a list looks.
pub(crate) struct Scope<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) kind: Kind,
}

/// What a list's query says.
#[derive(Default)]
pub(crate) struct Paging<'a> {
    pub(crate) skip_token: Option<&'a str>,
    pub(crate) top: Option<usize>,
    /// VMs are shown with their instance views.
    pub(crate) with_view: bool,
    pub(crate) filter: Option<&'a str>,
}

/// One page; the second value is the token of the next one.
pub(crate) fn page(
    tx: &Tx<'_>,
    world: &World<'_>,
    scope: &Scope<'_>,
    paging: &Paging<'_>,
) -> Result<(Value, Option<String>), ArmError> {
    let subscription = scope.subscription.to_ascii_lowercase();
    let prefix = match scope.group {
        Some(group) => {
            group_of(tx, &ResourceId::group(scope.subscription, group))?;
            format!(
                "/subscriptions/{subscription}/resourcegroups/{}/",
                group.to_ascii_lowercase()
            )
        }
        None => format!("/subscriptions/{subscription}/resourcegroups/"),
    };
    let tag = paging.filter.map(tag_filter).transpose()?;
    let after = paging.skip_token.map(decode_token).transpose()?;
    let size = paging
        .top
        .unwrap_or(usize::MAX)
        .min(world.settings.page_size)
        .max(1);
    let horizon = tx.now_ms - world.tuning.lag.list_ms;
    let mut values = Vec::new();
    let mut next = None;
    let mut last: Option<Key> = None;
    let visible = tx
        .cloud()
        .page(scope.kind, &prefix, after.as_deref())
        .filter(|resource| resource.created_ms <= horizon)
        .filter(|resource| tag.as_ref().is_none_or(|tag| tagged(resource, tag)));
    for resource in visible {
        if values.len() == size {
            next = last.map(|(_, path)| hex::encode(path));
            break;
        }
        values.push(if resource.id.kind == Kind::Vm {
            vm_view::render(resource, paging.with_view)
        } else {
            render(tx.cloud(), resource)
        });
        last = Some(resource.id.key());
    }
    if after.is_none() {
        let ghosts = world.tuning.listed_ghosts(scope.kind, &prefix, tx.now_ms);
        values.extend(ghosts.cloned());
    }
    Ok((json!({"value": values}), next))
}

fn decode_token(token: &str) -> Result<String, ArmError> {
    hex::decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| {
            ArmError::new(
                400,
                "InvalidSkipToken",
                format!("The skip token '{token}' is not one that a nextLink gave."),
            )
        })
}

/// `tagName eq 'x' and tagValue eq 'y'`, the filter of groups and resources.
fn tag_filter(filter: &str) -> Result<(String, Option<String>), ArmError> {
    let mut name = None;
    let mut value = None;
    for condition in filter.split(" and ") {
        let quoted = condition.split_once(" eq ").and_then(|(field, text)| {
            let text = text.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            Some((field.trim().to_ascii_lowercase(), text.to_owned()))
        });
        match quoted {
            Some((field, text)) if field == "tagname" => name = Some(text),
            Some((field, text)) if field == "tagvalue" => value = Some(text),
            _ => {
                return Err(ArmError::new(
                    400,
                    "InvalidFilterInQueryString",
                    format!("Invalid $filter '{filter}' specified in the query string."),
                ));
            }
        }
    }
    match name {
        Some(name) => Ok((name, value)),
        None => Err(ArmError::new(
            400,
            "InvalidFilterInQueryString",
            format!("Invalid $filter '{filter}' specified in the query string."),
        )),
    }
}

fn tagged(resource: &Resource, (name, value): &(String, Option<String>)) -> bool {
    resource.body["tags"].as_object().is_some_and(|tags| {
        tags.iter().any(|(tag, text)| {
            tag.eq_ignore_ascii_case(name)
                && value
                    .as_ref()
                    .is_none_or(|value| text.as_str() == Some(value))
        })
    })
}

/// The children of a resource.
pub(crate) fn children(tx: &Tx<'_>, parent: &ResourceId) -> Result<Answer, ArmError> {
    let parent = existing(tx, parent)?;
    let values: Vec<Value> = tx
        .cloud()
        .children(&parent.id)
        .into_iter()
        .map(|child| render(tx.cloud(), child))
        .collect();
    Ok(Answer::ok(json!({"value": values})))
}

/// `.../resources` of a subscription or a group: the generic list.
pub(crate) fn generic(
    tx: &Tx<'_>,
    world: &World<'_>,
    subscription: &str,
    group: Option<&str>,
    paging: &Paging<'_>,
) -> Result<(Value, Option<String>), ArmError> {
    if let Some(group) = group {
        group_of(tx, &ResourceId::group(subscription, group))?;
    }
    let tag = paging.filter.map(tag_filter).transpose()?;
    let size = paging
        .top
        .unwrap_or(usize::MAX)
        .min(world.settings.page_size)
        .max(1);
    let after: usize = paging
        .skip_token
        .map_or(Some(0), |token| token.parse().ok())
        .ok_or_else(|| {
            ArmError::new(
                400,
                "InvalidSkipToken",
                "The skip token is not one that a nextLink gave.",
            )
        })?;
    let horizon = tx.now_ms - world.tuning.lag.list_ms;
    let mut rest = tx
        .cloud()
        .resources()
        .filter(|resource| resource.id.kind != Kind::Group && resource.id.child.is_none())
        .filter(|resource| resource.id.subscription.eq_ignore_ascii_case(subscription))
        .filter(|resource| group.is_none_or(|group| resource.id.group.eq_ignore_ascii_case(group)))
        .filter(|resource| resource.created_ms <= horizon)
        .filter(|resource| tag.as_ref().is_none_or(|tag| tagged(resource, tag)))
        .skip(after);
    let values: Vec<Value> = rest
        .by_ref()
        .take(size)
        .map(|resource| {
            let mut entry = json!({
                "id": resource.id.to_string(),
                "name": resource.id.leaf(),
                "type": resource.id.kind.type_name(),
                "location": resource.location(),
            });
            for name in ["tags", "sku", "zones"] {
                if let Some(value) = resource.body.get(name) {
                    entry[name] = value.clone();
                }
            }
            entry
        })
        .collect();
    let next = rest.next().map(|_| (after + values.len()).to_string());
    Ok((json!({"value": values}), next))
}
