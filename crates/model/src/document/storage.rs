//! `storage` (Juju, `cmd/juju/storage`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::status::StatusInfo;

/// Storage: instances, and the file systems and volumes behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StatusStorage))]
#[serde(rename_all = "kebab-case")]
pub struct Storage {
    /// Instances, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub storage: BTreeMap<String, StorageInfo>,
    /// File systems, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub filesystems: BTreeMap<String, FilesystemInfo>,
    /// Volumes, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, VolumeInfo>,
}

/// An instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageInfo))]
#[serde(rename_all = "kebab-case")]
pub struct StorageInfo {
    /// `block` or `filesystem`.
    pub kind: String,
    /// `dying`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub life: String,
    /// `pending`, `attached`, `detaching`, `detached`, `destroying`, `error`.
    pub status: StatusInfo,
    /// Whether it outlives its unit.
    pub persistent: bool,
    /// The unit that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<UnitAttachments>,
}

/// The units that have an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageUnits))]
#[serde(rename_all = "kebab-case")]
pub struct UnitAttachments {
    /// By name.
    pub units: BTreeMap<String, UnitAttachment>,
}

/// A unit's attachment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageUnit))]
#[serde(rename_all = "kebab-case")]
pub struct UnitAttachment {
    /// The unit's machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// Where it is on the machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub location: String,
    /// `dying`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub life: String,
}

/// A file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageFilesystem))]
#[serde(rename_all = "kebab-case")]
pub struct FilesystemInfo {
    /// The volume that it is on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub volume: String,
    /// The instance.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub storage: String,
    /// Where it is mounted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<FilesystemAttachments>,
    /// Its pool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pool: String,
    /// MiB.
    pub size: u64,
    /// `alive` or `dying`.
    pub life: String,
    /// Where it stands.
    pub status: StatusInfo,
}

/// Where a file system is mounted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageFilesystemAttachments))]
#[serde(rename_all = "kebab-case")]
pub struct FilesystemAttachments {
    /// By machine.
    pub machines: BTreeMap<String, FilesystemAttachment>,
    /// By unit.
    pub units: BTreeMap<String, UnitAttachment>,
}

/// A machine's mount.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageFilesystemAttachment))]
#[serde(rename_all = "kebab-case")]
pub struct FilesystemAttachment {
    /// Where.
    pub mount_point: String,
    /// Whether read-only.
    pub read_only: bool,
    /// `alive` or `dying`.
    pub life: String,
}

/// A volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageVolume))]
#[serde(rename_all = "kebab-case")]
pub struct VolumeInfo {
    /// The disk's name at the cloud.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider_id: String,
    /// The instance.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub storage: String,
    /// The machine that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<VolumeAttachments>,
    /// Its pool.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pool: String,
    /// MiB.
    pub size: u64,
    /// Whether it outlives its machine.
    pub persistent: bool,
    /// `alive` or `dying`.
    pub life: String,
    /// Where it stands.
    pub status: StatusInfo,
}

/// The machine that has a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageVolumeAttachments))]
#[serde(rename_all = "kebab-case")]
pub struct VolumeAttachments {
    /// By machine.
    pub machines: BTreeMap<String, VolumeAttachment>,
    /// By unit.
    pub units: BTreeMap<String, UnitAttachment>,
}

/// A machine's volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = StorageVolumeAttachment))]
#[serde(rename_all = "kebab-case")]
pub struct VolumeAttachment {
    /// The device's link on the machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_link: String,
    /// Whether read-only.
    pub read_only: bool,
    /// `alive` or `dying`.
    pub life: String,
}
