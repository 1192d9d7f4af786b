//! `storage-pools`, `create-storage-pool`, `update-storage-pool` and
//! `remove-storage-pool`.

use lazuli_api::CreateStoragePool;

use crate::arguments;
use crate::error::Result;
use crate::output::ListArgs;
use crate::render::storage as render;
use crate::session::Session;

/// List what storage can be made from
#[derive(Debug, clap::Args)]
pub(crate) struct ListPools {
    /// Only pools of these providers
    #[arg(long)]
    provider: Vec<String>,
    /// Only pools of these names
    #[arg(long)]
    name: Vec<String>,
    #[command(flatten)]
    show: ListArgs,
}

impl ListPools {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let mut pools = session.at_model()?.client.storage_pools().await?.pools;
        let wanted = |list: &[String], item: &String| list.is_empty() || list.contains(item);
        pools.retain(|name, pool| {
            wanted(&self.name, name) && wanted(&self.provider, &pool.provider)
        });
        let text = match self.show.format.structured() {
            Some(format) => format.text(&pools)?,
            None => render::pools(&pools),
        };
        self.show.to.print(&text)
    }
}

/// Create a pool that storage can be made from
#[derive(Debug, clap::Args)]
pub(crate) struct CreatePool {
    /// Its name
    name: String,
    /// Where its storage is kept: azure, loop, rootfs or tmpfs
    provider: String,
    /// Settings; of azure: account-type=Standard_LRS, StandardSSD_LRS or Premium_LRS
    #[arg(value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl CreatePool {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let pool = CreateStoragePool {
            name: self.name,
            provider: self.provider,
            attrs: arguments::pairs("pool setting", &self.settings)?,
        };
        let at = session.at_model()?;
        at.client.create_storage_pool(&pool).await?;
        Ok(())
    }
}

/// Change settings of a storage pool, for storage to come
#[derive(Debug, clap::Args)]
pub(crate) struct UpdatePool {
    /// Its name
    name: String,
    /// Settings; others stay as they are
    #[arg(required = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
}

impl UpdatePool {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let settings = arguments::pairs("pool setting", &self.settings)?;
        let at = session.at_model()?;
        at.client.update_storage_pool(&self.name, settings).await?;
        Ok(())
    }
}

/// Remove a storage pool that nothing is made from
#[derive(Debug, clap::Args)]
pub(crate) struct RemovePool {
    /// Its name
    name: String,
}

impl RemovePool {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        at.client.remove_storage_pool(&self.name).await?;
        Ok(())
    }
}
