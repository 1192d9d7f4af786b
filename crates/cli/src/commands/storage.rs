//! `storage`, `show-storage`, `add-storage`, `attach-storage`,
//! `detach-storage` and `remove-storage`.

use lazuli_api::{EntityKind, Removal};
use lazuli_model::document::storage::Storage;

use crate::arguments;
use crate::error::{Error, Result};
use crate::output::{ListArgs, ShowArgs};
use crate::render::storage as render;
use crate::render::times::Clock;
use crate::session::Session;

/// List the storage of a model
#[derive(Debug, clap::Args)]
pub(crate) struct ListStorage {
    /// Only these file systems or volumes, by number
    ids: Vec<String>,
    /// List file systems
    #[arg(long, conflicts_with = "volume")]
    filesystem: bool,
    /// List volumes
    #[arg(long)]
    volume: bool,
    #[command(flatten)]
    show: ListArgs,
}

impl ListStorage {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        if !self.ids.is_empty() && !self.filesystem && !self.volume {
            return Err(Error::Usage(
                "specifying IDs only supported with --filesystem and --volume options".to_owned(),
            ));
        }
        let mut storage = session.at_model()?.client.storage().await?;
        let wanted = |id: &String| self.ids.is_empty() || self.ids.contains(id);
        if self.filesystem {
            storage.storage.clear();
            storage.volumes.clear();
            storage.filesystems.retain(|id, _| wanted(id));
        } else if self.volume {
            storage.storage.clear();
            storage.filesystems.clear();
            storage.volumes.retain(|id, _| wanted(id));
        }
        let text = match self.show.format.structured() {
            Some(format) => format.text(&document(&storage, session)?)?,
            None if self.filesystem => render::filesystems(&storage),
            None if self.volume => render::volumes(&storage),
            None => render::instances(&storage),
        };
        if text.is_empty() {
            session.say("No storage to display.");
        }
        self.show.to.print(&text)
    }
}

/// Storage with times in Juju's form.
fn document(storage: &Storage, session: &Session) -> Result<serde_json::Value> {
    let tree = serde_json::to_value(storage).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(Clock::new(false, session.offset).document(tree))
}

/// Show storage instances
#[derive(Debug, clap::Args)]
pub(crate) struct ShowStorage {
    /// The instances, such as data/0
    #[arg(required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    show: ShowArgs,
}

impl ShowStorage {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let mut storage = session.at_model()?.client.storage().await?;
        if let Some(id) = self
            .ids
            .iter()
            .find(|id| !storage.storage.contains_key(*id))
        {
            return Err(Error::user(format!("storage {id:?} not found")));
        }
        storage.storage.retain(|id, _| self.ids.contains(id));
        let tree = document(&storage, session)?;
        self.show.print(&tree["storage"])
    }
}

/// Add storage to a unit
#[derive(Debug, clap::Args)]
pub(crate) struct AddStorage {
    /// The unit
    unit: String,
    /// Storage: NAME, or NAME=[POOL],[COUNT],[SIZE]
    #[arg(required = true, value_name = "DIRECTIVE")]
    storage: Vec<String>,
}

impl AddStorage {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let whole = |item: &String| match item.contains('=') {
            true => item.clone(),
            false => format!("{item}=1"),
        };
        let items: Vec<String> = self.storage.iter().map(whole).collect();
        let storage = arguments::pairs("storage", &items)?;
        let at = session.at_model()?;
        let changed = at.client.add_storage(&self.unit, storage).await?;
        for id in changed.added(EntityKind::Storage) {
            session.say(format!("added storage {id} to {}", self.unit));
        }
        Ok(())
    }
}

/// Import a disk, or a snapshot, of the cloud as detached storage
///
/// The storage has a disk of its own, a copy that is made when it is attached
/// first: the one that is named is not changed, and not deleted.
#[derive(Debug, clap::Args)]
pub(crate) struct ImportFilesystem {
    /// The pool that its own disk is made from, such as azure
    pool: String,
    /// The cloud's id of the disk or the snapshot
    provider_id: String,
    /// The store that it is for, as the charm calls it
    storage: String,
    #[arg(short, long, hide = true)]
    force: bool,
}

impl ImportFilesystem {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let what = lazuli_api::ImportFilesystem {
            pool: self.pool,
            provider_id: self.provider_id,
            storage: self.storage,
        };
        let at = session.at_model()?;
        session.say(format!(
            "importing {:?} from storage pool {:?} as storage {:?}",
            what.provider_id, what.pool, what.storage
        ));
        let changed = at.client.import_filesystem(&what).await?;
        for id in changed.added(EntityKind::Storage) {
            session.say(format!("imported storage {id}"));
        }
        Ok(())
    }
}

/// Attach existing storage to a unit
#[derive(Debug, clap::Args)]
pub(crate) struct AttachStorage {
    /// The unit
    unit: String,
    /// The instances, such as data/0
    #[arg(required = true)]
    storage: Vec<String>,
}

impl AttachStorage {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        for id in &self.storage {
            at.client.attach_storage(id, &self.unit).await?;
            session.say(format!("attaching {id} to {}", self.unit));
        }
        Ok(())
    }
}

/// Detach storage from its unit
#[derive(Debug, clap::Args)]
pub(crate) struct DetachStorage {
    /// The instances, such as data/0
    #[arg(required = true)]
    storage: Vec<String>,
    /// Detach although a step fails
    #[arg(long)]
    force: bool,
    /// Rush through without waiting for each individual step to complete
    #[arg(long)]
    no_wait: bool,
}

impl DetachStorage {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let how = Removal {
            force: self.force,
            ..Removal::default()
        };
        for id in &self.storage {
            at.client.detach_storage(id, &how).await?;
            session.say(format!("detaching {id}"));
        }
        Ok(())
    }
}

/// Remove storage, and destroy what is in it
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveStorage {
    /// The instances, such as data/0
    #[arg(required = true)]
    storage: Vec<String>,
    /// Remove storage even if it is attached
    #[arg(long)]
    force: bool,
    /// Remove the storage without destroying it
    #[arg(long)]
    no_destroy: bool,
}

impl RemoveStorage {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let how = Removal {
            force: self.force,
            release_storage: self.no_destroy,
            ..Removal::default()
        };
        for id in &self.storage {
            at.client.remove_storage(id, &how).await?;
            session.say(format!("removing {id}"));
        }
        Ok(())
    }
}
