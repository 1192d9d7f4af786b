//! Which attachment is the newest: the highest (epoch, connection) per
//! controller and model, kept on disk.

use lazuli_runner::frames::{Attach, Refusal};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::files;
use crate::journal::Owner;
use crate::paths::Paths;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Fence {
    epoch: u64,
    connection: u64,
}

/// Admits an attachment and remembers it, or says why not.
pub(crate) fn admit(paths: &Paths, attach: &Attach, owner: &Owner) -> Result<(), Admission> {
    let path = paths
        .fences()
        .join(format!("{}_{}.json", owner.controller, owner.model));
    let highest: Fence = files::read_json(&path)
        .map_err(Admission::Failed)?
        .unwrap_or_default();
    let asked = Fence {
        epoch: attach.epoch,
        connection: attach.connection,
    };
    if asked < highest {
        return Err(Admission::Refused(Refusal::Fenced {
            epoch: highest.epoch,
            connection: highest.connection,
        }));
    }
    if asked > highest {
        files::write_json(&path, &asked, true).map_err(Admission::Failed)?;
    }
    Ok(())
}

/// Why an attachment is not admitted.
#[derive(Debug)]
pub(crate) enum Admission {
    /// A newer one was seen.
    Refused(Refusal),
    /// What was seen is not known.
    Failed(Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_wins_also_after_a_restart() {
        let root = std::env::temp_dir().join(format!("lazuli-runner-fence-{}", std::process::id()));
        files::remove_tree(&root).unwrap();
        let paths = Paths::below(&root);
        files::make_dir(&paths.fences(), 0o700).unwrap();
        let admitted = |model: &str, epoch, connection| {
            let owner = Owner {
                controller: "c".to_owned(),
                model: model.to_owned(),
            };
            let attach = Attach {
                protocol: 1,
                controller: "c".to_owned(),
                model: model.to_owned(),
                epoch,
                connection,
            };
            match admit(&paths, &attach, &owner) {
                Ok(()) => true,
                Err(Admission::Refused(_)) => false,
                Err(Admission::Failed(error)) => panic!("{error}"),
            }
        };
        assert!(admitted("m", 2, 5));
        assert!(admitted("m", 2, 5));
        assert!(!admitted("m", 2, 4));
        assert!(!admitted("m", 1, 9));
        assert!(admitted("m", 3, 1));
        assert!(!admitted("m", 2, 6));
        assert!(admitted("other", 1, 1));
        files::remove_tree(&root).unwrap();
    }
}
