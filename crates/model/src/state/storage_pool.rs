//! Pools of storage: those that every model has, and those of its users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Model, StorageProvider};

/// The setting of a pool of Azure that says what its disks are.
pub const ACCOUNT_TYPE: &str = "account-type";

/// What [`ACCOUNT_TYPE`] may be: SKUs of managed disks that attach to every
/// virtual machine without more settings. The first is the default (Juju).
pub const ACCOUNT_TYPES: [&str; 3] = ["Standard_LRS", "StandardSSD_LRS", "Premium_LRS"];

/// A provider of storage with settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePool {
    /// Where the content of its storage is kept.
    pub provider: StorageProvider,
    /// Settings of that provider.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl StoragePool {
    fn of(provider: StorageProvider, account_type: Option<&str>) -> Self {
        let setting = account_type.map(|kind| (ACCOUNT_TYPE.to_owned(), kind.to_owned()));
        Self {
            provider,
            attributes: setting.into_iter().collect(),
        }
    }

    /// The pools that every model has (Juju 3.6), by name; users cannot
    /// change them.
    #[must_use]
    pub fn built_in() -> BTreeMap<&'static str, Self> {
        use StorageProvider::{Azure, Loop, Rootfs, Tmpfs};
        [
            ("azure", Self::of(Azure, Some("Standard_LRS"))),
            ("azure-premium", Self::of(Azure, Some("Premium_LRS"))),
            ("loop", Self::of(Loop, None)),
            ("rootfs", Self::of(Rootfs, None)),
            ("tmpfs", Self::of(Tmpfs, None)),
        ]
        .into()
    }

    /// The SKU of its disks, where the provider is Azure.
    #[must_use]
    pub fn account_type(&self) -> &str {
        self.attributes
            .get(ACCOUNT_TYPE)
            .map_or(ACCOUNT_TYPES[0], String::as_str)
    }

    /// Whether its settings are ones that its provider has.
    ///
    /// # Errors
    ///
    /// The first setting that is unknown or has an unknown value.
    pub fn check(&self) -> Result<(), String> {
        for (key, value) in &self.attributes {
            if self.provider != StorageProvider::Azure || key != ACCOUNT_TYPE {
                return Err(format!(
                    "storage provider \"{}\" has no setting {key:?}",
                    self.provider
                ));
            }
            if !ACCOUNT_TYPES.contains(&value.as_str()) {
                return Err(format!(
                    "{ACCOUNT_TYPE}: expected one of {ACCOUNT_TYPES:?}, got {value:?}"
                ));
            }
        }
        Ok(())
    }
}

impl Model {
    /// The pool of a name; none when there is none.
    #[must_use]
    pub fn storage_pool(&self, name: &str) -> Option<StoragePool> {
        StoragePool::built_in()
            .remove(name)
            .or_else(|| self.storage_pools.get(name).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_has_only_settings_with_an_effect() {
        let mut pool = StoragePool::of(StorageProvider::Azure, Some("StandardSSD_LRS"));
        assert_eq!(pool.check(), Ok(()));
        assert_eq!(pool.account_type(), "StandardSSD_LRS");
        pool.attributes
            .insert(ACCOUNT_TYPE.to_owned(), "Fast".to_owned());
        assert!(pool.check().unwrap_err().contains("got \"Fast\""));
        let pool = StoragePool::of(StorageProvider::Rootfs, Some("Premium_LRS"));
        assert_eq!(
            pool.check().unwrap_err(),
            "storage provider \"rootfs\" has no setting \"account-type\""
        );
    }

    #[test]
    fn the_pools_that_every_model_has_are_good() {
        for (name, pool) in StoragePool::built_in() {
            assert_eq!(pool.check(), Ok(()), "{name}");
        }
    }
}
