//! Storage directives: what a user asks for of a charm's stores.

use std::collections::BTreeMap;

use lazuli_api::Deploy;
use lazuli_model::charm::Charm;
use lazuli_model::names::StorageName;
use lazuli_model::state::{Model, StorageDirective};
use lazuli_plan::Asked;

use crate::change::Refusal;

/// Instances that one unit may have of one store.
pub(super) const MOST: u32 = 32;

/// What each unit of a new application gets.
pub(crate) fn of_deploy(
    model: &Model,
    charm: &Charm,
    request: &Deploy,
) -> Result<BTreeMap<StorageName, StorageDirective>, Refusal> {
    directives(model, charm, &request.storage).map_err(|refusal| refusal.at("/storage"))
}

/// What each new unit gets from now on: what was asked for at deploy stays
/// unless it is asked for anew, and new stores get the defaults.
pub(crate) fn of_refresh(
    model: &Model,
    charm: &Charm,
    present: &BTreeMap<StorageName, StorageDirective>,
    texts: &BTreeMap<String, String>,
) -> Result<BTreeMap<StorageName, StorageDirective>, Refusal> {
    let kept = present
        .iter()
        .filter(|(name, _)| charm.meta.storage.contains_key(*name));
    let mut asked: BTreeMap<String, Asked> = kept
        .map(|(name, directive)| (name.to_string(), whole_of(directive)))
        .collect();
    for (name, text) in texts {
        let anew = read(text)?;
        let before = asked.remove(name).unwrap_or_default();
        let merged = Asked {
            pool: anew.pool.or(before.pool),
            size: anew.size.or(before.size),
            count: anew.count.or(before.count),
        };
        asked.insert(name.clone(), merged);
    }
    whole(model, charm, &asked).map_err(|refusal| refusal.at("/storage"))
}

fn whole_of(directive: &StorageDirective) -> Asked {
    Asked {
        pool: Some(directive.pool.clone()),
        size: Some(directive.size),
        count: Some(directive.count),
    }
}

fn directives(
    model: &Model,
    charm: &Charm,
    texts: &BTreeMap<String, String>,
) -> Result<BTreeMap<StorageName, StorageDirective>, Refusal> {
    let mut asked = BTreeMap::new();
    for (name, text) in texts {
        asked.insert(name.clone(), read(text)?);
    }
    whole(model, charm, &asked)
}

fn whole(
    model: &Model,
    charm: &Charm,
    asked: &BTreeMap<String, Asked>,
) -> Result<BTreeMap<StorageName, StorageDirective>, Refusal> {
    let found = lazuli_plan::directives(model, charm, asked, true).map_err(Refusal::invalid)?;
    match found.iter().find(|(_, directive)| directive.count > MOST) {
        None => Ok(found),
        Some((name, directive)) => Err(Refusal::invalid(format!(
            "storage {:?}: {} instances for a unit are too many: at most {MOST}",
            name.as_str(),
            directive.count
        ))),
    }
}

/// Reads a directive: pool, count and size in any order, told apart by their
/// form (Juju, `storage.ParseConstraints`).
pub(super) fn read(text: &str) -> Result<Asked, Refusal> {
    let mut asked = Asked::default();
    for field in text
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty())
    {
        let digits = field.strip_prefix('-').unwrap_or(field);
        let numeric = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if numeric {
            let count = field.parse::<u32>().ok().filter(|count| *count > 0);
            asked.count = Some(count.ok_or_else(|| {
                Refusal::invalid(format!(
                    "cannot parse count: count must be greater than zero, got {field:?}"
                ))
            })?);
        } else if let Some(size) = size(field) {
            asked.size = Some(size);
        } else if is_pool(field) {
            asked.pool = Some(field.to_owned());
        } else {
            return Err(Refusal::invalid(format!(
                "invalid storage directive {text:?}: {field:?} is neither a pool, nor a count, \
                 nor a size such as 10G"
            )));
        }
    }
    if asked == Asked::default() && !text.is_empty() {
        return Err(Refusal::invalid(
            "must provide one of pool or size or count",
        ));
    }
    if asked.size.is_some() && asked.count.is_none() {
        asked.count = Some(1);
    }
    Ok(asked)
}

/// A size such as `10G` or `1.5TiB`, in MiB.
fn size(text: &str) -> Option<u64> {
    let number = text.trim_end_matches('B').trim_end_matches('i');
    let power = "MGTPEZY".find(number.chars().last()?)?;
    let number: f64 = number[..number.len() - 1].parse().ok()?;
    let size = number * 1024_f64.powi(i32::try_from(power).ok()?);
    // Azure's largest disk is far below.
    (size > 0.0 && size < 1e12).then_some(size.ceil() as u64)
}

pub(super) fn is_pool(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_told_apart_by_their_form() {
        let asked = read("10G,azure-premium,3").unwrap();
        assert_eq!(asked.pool.as_deref(), Some("azure-premium"));
        assert_eq!((asked.size, asked.count), (Some(10240), Some(3)));
        assert_eq!(read("1.5GiB").unwrap().size, Some(1536));
        assert_eq!(read("1.5GiB").unwrap().count, Some(1));
        assert_eq!(read("").unwrap(), Asked::default());
        for (text, message) in [
            ("0", "count must be greater than zero, got \"0\""),
            ("-1", "count must be greater than zero, got \"-1\""),
            (",", "must provide one of pool or size or count"),
            ("10X!", "is neither a pool"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
