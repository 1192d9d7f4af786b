//! Storage from disks that users have already.

use lazuli_model::charm::StorageKind;
use lazuli_model::id::{GenericUuid, StorageInstanceId};
use lazuli_model::life::Life;
use lazuli_model::names::{StorageId, StorageName};
use lazuli_model::state::{Row, Storage, StorageProvider};

use super::pool;
use crate::change::{Draft, Refusal};

/// Bytes of an id.
const LONGEST: usize = 1024;

/// Makes storage, attached to nothing, of a disk or a snapshot at the cloud.
/// Its own disk is a copy of that, made where the first unit is that it is
/// attached to: what is the user's is never changed, and never deleted.
pub(crate) fn import_filesystem(
    draft: &mut Draft<'_>,
    pool_name: &str,
    source: &str,
    store: &str,
) -> Result<(), Refusal> {
    draft.check_alive()?;
    let provider = pool::find(draft.state, pool_name)?.provider;
    if provider != StorageProvider::Azure {
        return Err(Refusal::not_supported(format!(
            "importing filesystem with storage provider \"{provider}\" not supported"
        )));
    }
    let store: StorageName = store
        .parse()
        .map_err(|error| Refusal::from(error).at("/storage"))?;
    check(source).map_err(|refusal| refusal.at("/provider_id"))?;
    let number = draft.next_storage();
    let id = StorageInstanceId::from_untyped_uuid(draft.numbers.id());
    let created_at = draft.now;
    draft.put(Row::Storage(Storage {
        id,
        name: StorageId::new(store, number),
        kind: StorageKind::Filesystem,
        pool: pool_name.to_owned(),
        provider,
        size: 0,
        source: Some(source.to_owned()),
        unit: None,
        life: Life::Alive,
        force: false,
        created_at,
    }));
    Ok(())
}

/// Refuses what is no id of a disk or a snapshot.
fn check(id: &str) -> Result<(), Refusal> {
    let plain = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte))
    };
    let parts: Vec<&str> = id.split('/').collect();
    let good = match parts.as_slice() {
        [
            "",
            subscriptions,
            subscription,
            groups,
            group,
            providers,
            namespace,
            kind,
            name,
        ] => {
            let is = |part: &str, word: &str| part.eq_ignore_ascii_case(word);
            is(subscriptions, "subscriptions")
                && is(groups, "resourceGroups")
                && is(providers, "providers")
                && is(namespace, "Microsoft.Compute")
                && (is(kind, "disks") || is(kind, "snapshots"))
                && [subscription, group, name]
                    .into_iter()
                    .all(|part| plain(part))
        }
        _ => false,
    };
    if good && id.len() <= LONGEST {
        return Ok(());
    }
    let shown: String = id.chars().take(200).collect();
    Err(Refusal::invalid(format!(
        "{shown:?} is not the id of a disk or a snapshot: az disk show --query id shows it, \
         /subscriptions/.../resourceGroups/.../providers/Microsoft.Compute/disks/NAME"
    )))
}
