//! `storage` for people.

use std::collections::BTreeMap;

use lazuli_api::StoragePool;
use lazuli_model::document::storage::{Storage, UnitAttachment};

use super::order::sorted;
use super::table::Table;

/// Instances, one line for each unit that has one.
pub(crate) fn instances(storage: &Storage) -> String {
    let mut table = Table::new(&[
        "Unit",
        "Storage ID",
        "Type",
        "Pool",
        "Size",
        "Status",
        "Message",
    ]);
    for (id, instance) in sorted(&storage.storage) {
        let (pool, size) = behind(storage, id);
        let units = instance.attachments.as_ref().map(|all| &all.units);
        table.row([
            unit(units),
            id.to_owned(),
            instance.kind.clone(),
            pool,
            size,
            instance.status.current.clone(),
            instance.status.message.clone(),
        ]);
    }
    text(&table)
}

/// The rows of `status --storage`.
pub(crate) fn of_status(storage: &Storage) -> String {
    let mut table = Table::new(&[
        "Storage Unit",
        "Storage ID",
        "Type",
        "Pool",
        "Mountpoint",
        "Size",
        "Status",
        "Message",
    ]);
    for (id, instance) in sorted(&storage.storage) {
        let (pool, size) = behind(storage, id);
        let units = instance.attachments.as_ref().map(|all| &all.units);
        let location = units.and_then(|units| units.values().next());
        table.row([
            unit(units),
            id.to_owned(),
            instance.kind.clone(),
            pool,
            location.map_or_else(String::new, |unit| unit.location.clone()),
            size,
            instance.status.current.clone(),
            instance.status.message.clone(),
        ]);
    }
    text(&table)
}

/// File systems.
pub(crate) fn filesystems(storage: &Storage) -> String {
    let mut table = Table::new(&[
        "Machine",
        "Unit",
        "Storage ID",
        "ID",
        "Volume",
        "Provider ID",
        "Mountpoint",
        "Size",
        "State",
        "Message",
    ]);
    for (id, row) in sorted(&storage.filesystems) {
        let mount = row.attachments.as_ref();
        let machine = mount.and_then(|all| all.machines.iter().next());
        table.row([
            machine.map_or_else(String::new, |(name, _)| name.clone()),
            unit(mount.map(|all| &all.units)),
            row.storage.clone(),
            id.to_owned(),
            row.volume.clone(),
            String::new(),
            machine.map_or_else(String::new, |(_, mount)| mount.mount_point.clone()),
            human(row.size),
            row.status.current.clone(),
            row.status.message.clone(),
        ]);
    }
    text(&table)
}

/// Volumes.
pub(crate) fn volumes(storage: &Storage) -> String {
    let mut table = Table::new(&[
        "Machine",
        "Unit",
        "Storage ID",
        "Volume ID",
        "Provider ID",
        "Device",
        "Size",
        "State",
        "Message",
    ]);
    for (id, row) in sorted(&storage.volumes) {
        let has = row.attachments.as_ref();
        let machine = has.and_then(|all| all.machines.iter().next());
        table.row([
            machine.map_or_else(String::new, |(name, _)| name.clone()),
            unit(has.map(|all| &all.units)),
            row.storage.clone(),
            id.to_owned(),
            row.provider_id.clone(),
            machine.map_or_else(String::new, |(_, volume)| volume.device_link.clone()),
            human(row.size),
            row.status.current.clone(),
            row.status.message.clone(),
        ]);
    }
    text(&table)
}

/// Pools.
pub(crate) fn pools(pools: &BTreeMap<String, StoragePool>) -> String {
    let mut table = Table::new(&["Name", "Provider", "Attributes"]);
    for (name, pool) in pools {
        let attributes: Vec<String> = pool
            .attrs
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        table.row([name.clone(), pool.provider.clone(), attributes.join(" ")]);
    }
    text(&table)
}

fn text(table: &Table) -> String {
    match table.is_empty() {
        true => String::new(),
        false => table.text(),
    }
}

fn unit(units: Option<&BTreeMap<String, UnitAttachment>>) -> String {
    units
        .and_then(|units| units.keys().next().cloned())
        .unwrap_or_default()
}

/// The pool and the size of what is behind an instance.
fn behind(storage: &Storage, id: &str) -> (String, String) {
    let filesystem = storage.filesystems.values().find(|row| row.storage == id);
    let volume = storage.volumes.values().find(|row| row.storage == id);
    filesystem
        .map(|row| (&row.pool, row.size))
        .or_else(|| volume.map(|row| (&row.pool, row.size)))
        .map_or_else(Default::default, |(pool, size)| (pool.clone(), human(size)))
}

/// MiB as Juju shows sizes; of what is imported only the cloud knows it.
fn human(mib: u64) -> String {
    const UNITS: [&str; 4] = ["MiB", "GiB", "TiB", "PiB"];
    if mib == 0 {
        return "unknown".to_owned();
    }
    let mut size = mib as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    match size < 10.0 {
        true => format!("{size:.1} {}", UNITS[unit]),
        false => format!("{size:.0} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use lazuli_model::document::status::StatusInfo;
    use lazuli_model::document::storage::{FilesystemInfo, StorageInfo, UnitAttachments};

    use super::*;

    #[test]
    fn a_line_for_each_instance() {
        let mut storage = Storage::default();
        let attachment = UnitAttachment {
            machine: "0".to_owned(),
            location: "/srv".to_owned(),
            life: String::new(),
        };
        let attached = StorageInfo {
            kind: "filesystem".to_owned(),
            status: StatusInfo::new("attached", "", None),
            persistent: true,
            attachments: Some(UnitAttachments {
                units: [("a/0".to_owned(), attachment)].into(),
            }),
            ..StorageInfo::default()
        };
        storage.storage.insert("data/2".to_owned(), attached);
        let filesystem = FilesystemInfo {
            storage: "data/2".to_owned(),
            pool: "azure".to_owned(),
            size: 1024,
            ..FilesystemInfo::default()
        };
        storage.filesystems.insert("2".to_owned(), filesystem);
        assert_eq!(
            instances(&storage),
            "Unit  Storage ID  Type        Pool   Size     Status    Message\n\
             a/0   data/2      filesystem  azure  1.0 GiB  attached  \n"
        );
        assert!(of_status(&storage).contains("/srv"));
        assert_eq!(
            (human(512), human(20 << 10)),
            ("512 MiB".to_owned(), "20 GiB".to_owned())
        );
    }
}
