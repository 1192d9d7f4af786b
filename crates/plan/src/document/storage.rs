//! `storage`.

use lazuli_model::charm::StorageKind;
use lazuli_model::document::status::StatusInfo;
use lazuli_model::document::storage::{
    FilesystemAttachment, FilesystemAttachments, FilesystemInfo, Storage, StorageInfo,
    UnitAttachment, UnitAttachments, VolumeAttachment, VolumeAttachments, VolumeInfo,
};
use lazuli_model::hook::Hook;
use lazuli_model::life::Life;
use lazuli_model::state::{self, ModelState, StorageProvider, StorageState, Unit, storage_spec};

use crate::cloud::{disk, disk_name};

/// The storage of a model.
#[must_use]
pub fn storage_document(state: &ModelState) -> Storage {
    let mut document = Storage::default();
    for row in state.storages().all() {
        let shown = Shown::of(state, row);
        let name = row.name.to_string();
        let number = row.name.number().to_string();
        if row.provider != StorageProvider::Azure && row.kind == StorageKind::Filesystem {
            document.filesystems.insert(number, shown.filesystem(""));
        } else {
            if row.kind == StorageKind::Filesystem {
                let filesystem = shown.filesystem(&number);
                document.filesystems.insert(number.clone(), filesystem);
            }
            document.volumes.insert(number, shown.volume());
        }
        document.storage.insert(name, shown.instance());
    }
    document
}

struct Shown<'a> {
    row: &'a state::Storage,
    known: Option<&'a StorageState>,
    /// The unit that has it, or is to get it.
    unit: Option<&'a Unit>,
    machine: String,
    location: String,
    read_only: bool,
    status: StatusInfo,
}

impl<'a> Shown<'a> {
    fn of(state: &'a ModelState, row: &'a state::Storage) -> Self {
        let known = state.storages().state(row.id);
        let unit = known.and_then(|known| known.unit).or(row.unit);
        let unit = unit.and_then(|unit| state.unit(unit));
        let spec = unit
            .and_then(|unit| state.application(unit.application))
            .and_then(|application| state.charm(application.charm))
            .and_then(|charm| storage_spec(&charm.charm, row));
        let attached = known.is_some_and(|known| known.attached);
        let location = match row.kind {
            _ if !attached => String::new(),
            StorageKind::Filesystem => {
                spec.map_or_else(String::new, |spec| spec.mount_point(&row.name))
            }
            StorageKind::Block => link(known),
        };
        Self {
            row,
            known,
            unit,
            machine: unit
                .and_then(|unit| state.machine(unit.machine))
                .map_or_else(String::new, |machine| machine.name.to_string()),
            location,
            read_only: spec.is_some_and(|spec| spec.read_only),
            status: status(state, row, known, unit),
        }
    }

    fn instance(&self) -> StorageInfo {
        StorageInfo {
            kind: match self.row.kind {
                StorageKind::Block => "block",
                StorageKind::Filesystem => "filesystem",
            }
            .to_owned(),
            life: match self.row.life {
                Life::Alive => String::new(),
                going => going.as_str().to_owned(),
            },
            status: self.status.clone(),
            persistent: self.row.provider.is_persistent(),
            attachments: self.unit.map(|_| UnitAttachments {
                units: self.units(),
            }),
        }
    }

    fn units(&self) -> std::collections::BTreeMap<String, UnitAttachment> {
        let unit = self.unit.into_iter().map(|unit| {
            let attachment = UnitAttachment {
                machine: self.machine.clone(),
                location: self.location.clone(),
                life: match self.row.unit == Some(unit.id) && unit.life == Life::Alive {
                    true => String::new(),
                    false => "dying".to_owned(),
                },
            };
            (unit.name.to_string(), attachment)
        });
        unit.collect()
    }

    fn filesystem(&self, volume: &str) -> FilesystemInfo {
        let machine = self.machine.clone();
        let mount = FilesystemAttachment {
            mount_point: self.location.clone(),
            read_only: self.read_only,
            life: self.row.life.as_str().to_owned(),
        };
        FilesystemInfo {
            volume: volume.to_owned(),
            storage: self.row.name.to_string(),
            attachments: self.unit.map(|_| FilesystemAttachments {
                machines: [(machine, mount)].into(),
                units: self.units(),
            }),
            pool: self.row.pool.clone(),
            size: self.row.size,
            life: self.row.life.as_str().to_owned(),
            status: self.status.clone(),
        }
    }

    fn volume(&self) -> VolumeInfo {
        let on_cloud = self.row.provider == StorageProvider::Azure;
        let volume = VolumeAttachment {
            device_link: link(self.known),
            read_only: self.read_only,
            life: self.row.life.as_str().to_owned(),
        };
        VolumeInfo {
            provider_id: match on_cloud {
                true => disk_name(self.row),
                false => String::new(),
            },
            storage: self.row.name.to_string(),
            attachments: self.unit.map(|_| VolumeAttachments {
                machines: [(self.machine.clone(), volume)].into(),
                units: self.units(),
            }),
            pool: self.row.pool.clone(),
            size: self.row.size,
            persistent: self.row.provider.is_persistent(),
            life: self.row.life.as_str().to_owned(),
            status: self.status.clone(),
        }
    }
}

fn link(known: Option<&StorageState>) -> String {
    let lun = known.and_then(|known| known.lun);
    lun.map_or_else(String::new, |lun| format!("/dev/disk/azure/scsi1/lun{lun}"))
}

/// Juju's words for where an instance stands, and why it stands still.
fn status(
    state: &ModelState,
    row: &state::Storage,
    known: Option<&StorageState>,
    unit: Option<&Unit>,
) -> StatusInfo {
    let since = known.map_or(row.created_at, |known| known.since);
    let failure = disk(state, row).and_then(|effect| effect.failure.as_ref());
    let hook = unit
        .and_then(|unit| state.unit_state(unit.id)?.error.as_ref())
        .filter(|error| matches!(&error.hook, Hook::Storage(hook) if hook.storage == row.id));
    if let Some(error) = hook {
        return StatusInfo::new("error", &error.reason, Some(error.since));
    }
    if let Some(failure) = failure {
        return StatusInfo::new("error", &failure.message, Some(since));
    }
    let held = known.and_then(|known| known.unit);
    let leaves = row.life != Life::Alive
        || row.unit.is_none()
        || unit.is_some_and(|unit| unit.life != Life::Alive);
    let word = match (held, known.is_some_and(|known| known.attached)) {
        (Some(_), _) if leaves => "detaching",
        (Some(_), true) => "attached",
        (Some(_), false) => "attaching",
        (None, _) if row.life != Life::Alive => "destroying",
        (None, _) if row.unit.is_some() => "pending",
        (None, _) if known.is_some_and(|known| known.machine.is_some()) => "detaching",
        (None, _) => "detached",
    };
    StatusInfo::new(word, "", Some(since))
}
