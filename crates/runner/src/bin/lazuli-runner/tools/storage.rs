//! `storage-get`, `storage-list` and `storage-add`.

use lazuli_runner::frames::{StorageContext, StorageKind, Write};

use super::{Call, Done, Format, Stop, Tool, ToolContext};
use crate::flags::{Flag, Takes};
use crate::format::Doc;

/// Prints where an instance is.
pub(super) static STORAGE_GET: Tool = Tool {
    name: "storage-get",
    args: "[<key>]",
    purpose: "Print information for the storage instance with the specified ID.",
    flags: &[Flag {
        names: &["s"],
        takes: Takes::Value,
        help: "Specify a storage instance by id",
    }],
    format: Some(Format::Smart),
    run: get,
};

/// Lists the unit's instances.
pub(super) static STORAGE_LIST: Tool = Tool {
    name: "storage-list",
    args: "[<storage-name>]",
    purpose: "List storage attached to the unit.",
    flags: &[],
    format: Some(Format::Smart),
    run: list,
};

/// Asks for more instances.
pub(super) static STORAGE_ADD: Tool = Tool {
    name: "storage-add",
    args: "<charm storage name>[=count] ...",
    purpose: "Add storage instances.",
    flags: &[],
    format: None,
    run: add,
};

fn get(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let hooks = ctx.base.hook_storage.as_ref().map(|hook| hook.id.as_str());
    let id = call
        .parsed
        .value("s")
        .filter(|id| !id.is_empty())
        .or(hooks)
        .ok_or_else(|| Stop::Usage("no storage instance specified".to_owned()))?;
    if !is_id(id) {
        return Err(Stop::Usage(format!("invalid storage ID {id:?}")));
    }
    let key = call.parsed.positional(0).unwrap_or_default();
    call.no_more_than(1)?;
    let storage = ctx
        .base
        .storage
        .iter()
        .find(|storage| storage.id == id)
        .ok_or_else(|| Stop::Failed(format!("storage {id:?} not found")))?;
    let kind = Doc::text(kind(storage));
    let location = Doc::text(
        ctx.session
            .storage_location(id)
            .unwrap_or(&storage.location),
    );
    match key {
        "" => Ok(Done::print(Doc::Record(vec![
            ("kind", kind),
            ("location", location),
        ]))),
        "kind" => Ok(Done::print(kind)),
        "location" => Ok(Done::print(location)),
        other => Err(Stop::Failed(format!("invalid storage attribute {other:?}"))),
    }
}

pub(crate) fn kind(storage: &StorageContext) -> &'static str {
    match storage.kind {
        StorageKind::Block => "block",
        StorageKind::Filesystem => "filesystem",
    }
}

fn list(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    let name = call.parsed.positional(0);
    call.no_more_than(1)?;
    let mut ids: Vec<&str> = ctx
        .base
        .storage
        .iter()
        .map(|storage| storage.id.as_str())
        .filter(|id| name.is_none_or(|name| store_of(id) == Some(name)))
        .collect();
    ids.sort_unstable();
    Ok(Done::print(Doc::texts(ids)))
}

fn add(ctx: &ToolContext<'_>, call: &Call) -> Result<Done, Stop> {
    if call.parsed.positionals.is_empty() {
        return Err(Stop::Usage(
            "storage add requires a storage directive".to_owned(),
        ));
    }
    let mut writes = Vec::new();
    for directive in &call.parsed.positionals {
        let (store, count) = match directive.split_once('=') {
            None => (directive.as_str(), 1),
            Some((store, count)) => {
                let number = count.parse::<u32>().ok().filter(|count| *count > 0);
                let only = || Stop::Usage(format!("only count can be specified for {store:?}"));
                (store, number.ok_or_else(only)?)
            }
        };
        let Some(known) = ctx.base.stores.get(store) else {
            return Err(Stop::Failed(format!("charm storage {store:?} not found")));
        };
        let asked: u32 = writes
            .iter()
            .map(|write| match write {
                Write::StorageAdd {
                    store: other,
                    count,
                } if other == store => *count,
                _ => 0,
            })
            .sum();
        let total = u64::from(known.has)
            + u64::from(ctx.session.storage_added(store))
            + u64::from(asked)
            + u64::from(count);
        if let Some(max) = known.max.filter(|max| total > u64::from(*max)) {
            return Err(Stop::Failed(format!(
                "cannot add storage {store:?}: at most {max} instances supported, {total} specified"
            )));
        }
        writes.push(Write::StorageAdd {
            store: store.to_owned(),
            count,
        });
    }
    Ok(Done {
        writes,
        ..Done::default()
    })
}

fn store_of(id: &str) -> Option<&str> {
    id.split_once('/').map(|(store, _)| store)
}

fn is_id(text: &str) -> bool {
    text.split_once('/').is_some_and(|(store, number)| {
        !store.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use lazuli_runner::frames::{
        HookStorage, StorageContext, StorageKind, StorageSource, StoreCount, Write,
    };

    use crate::tools::testing::Fixture;

    fn fixture() -> Fixture {
        let mut fixture = Fixture::new("a/0");
        for (id, location) in [("logs/2", "/logs"), ("data/0", "/srv/data")] {
            fixture.context.storage.push(StorageContext {
                id: id.to_owned(),
                kind: StorageKind::Filesystem,
                location: location.to_owned(),
                read_only: false,
                size: 1024,
                source: StorageSource::Disk { lun: 0 },
            });
        }
        let count = StoreCount {
            has: 1,
            max: Some(3),
        };
        fixture.context.stores.insert("data".to_owned(), count);
        fixture
    }

    /// Checklist 25: `-s` and the hook's own instance, sorted names, `[]`.
    #[test]
    fn storage_is_shown_as_juju_shows_it() {
        let mut fixture = fixture();
        fixture.prints("storage-list", "data/0\nlogs/2\n");
        fixture.prints("storage-list data", "data/0\n");
        fixture.prints("storage-list --format=json other", "[]\n");
        fixture.prints("storage-get -s data/0 location", "/srv/data\n");
        fixture.prints(
            "storage-get -s logs/2 --format=json",
            "{\"kind\":\"filesystem\",\"location\":\"/logs\"}\n",
        );
        fixture.fails("storage-get", 2, "no storage instance specified");
        fixture.fails("storage-get -s x", 2, "invalid storage ID \"x\"");
        fixture.fails(
            "storage-get -s data/0 size",
            1,
            "invalid storage attribute \"size\"",
        );
        fixture.context.hook_storage = Some(HookStorage {
            id: "data/0".to_owned(),
            detaching: false,
        });
        fixture.prints("storage-get kind", "filesystem\n");
    }

    #[test]
    fn more_is_added_up_to_the_charms_count() {
        let mut fixture = fixture();
        let written = fixture.writes(&["storage-add", "data=2"]);
        let write = Write::StorageAdd {
            store: "data".to_owned(),
            count: 2,
        };
        assert_eq!(written, [write]);
        fixture.fails(
            "storage-add data",
            1,
            "cannot add storage \"data\": at most 3 instances supported, 4 specified",
        );
        fixture.fails(
            "storage-add data=10G",
            2,
            "only count can be specified for \"data\"",
        );
        fixture.fails("storage-add", 2, "storage add requires a storage directive");
        fixture.fails("storage-add logs", 1, "charm storage \"logs\" not found");
    }
}
