//! Searches.

use lazuli_model::base::Base;

use super::answers;
use crate::store::Found;

/// What is asked of each charm that is found.
pub(super) const FIELDS: &str = "result.publisher.display-name,result.summary,result.store-url,\
    default-release.revision.version,default-release.revision.bases.channel,\
    default-release.revision.bases.name,default-release.revision.bases.architecture";

/// A charm of a search.
pub(super) fn found(entry: answers::Entry) -> Found {
    let bases = entry.default_release.revision.bases.iter().flatten();
    let (arches, bases) = platforms(bases);
    Found {
        name: entry.name,
        kind: entry.kind,
        id: entry.id,
        publisher: entry.result.publisher.display_name,
        summary: entry.result.summary,
        version: entry.default_release.revision.version,
        arches,
        bases,
    }
}

/// Processors and bases, each once; what is not known here is left out.
pub(super) fn platforms<'a>(
    bases: impl Iterator<Item = &'a answers::Base>,
) -> (Vec<String>, Vec<Base>) {
    let (mut arches, mut found) = (Vec::new(), Vec::new());
    for one in bases {
        if !one.architecture.is_empty() && !arches.contains(&one.architecture) {
            arches.push(one.architecture.clone());
        }
        if let Some(base) = base(one)
            && !found.contains(&base)
        {
            found.push(base);
        }
    }
    (arches, found)
}

/// A base of the store; none for `NA` and what is not known here.
pub(super) fn base(one: &answers::Base) -> Option<Base> {
    Base::from_parts(&one.name, &one.channel).ok()
}
