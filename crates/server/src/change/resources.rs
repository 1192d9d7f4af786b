//! Resources of applications.

use std::collections::BTreeMap;
use std::path::Path;

use lazuli_model::charm::{Charm, ResourceKind};
use lazuli_model::state::{Application, Resource, ResourceOrigin, Row, RowKey};
use lazuli_store::uploads::Upload;

use super::{Draft, Refusal, application};

/// Gives an application that there is a resource.
pub(crate) fn attach(
    draft: &mut Draft<'_>,
    name: &str,
    resource: &str,
    upload: &str,
) -> Result<(), Refusal> {
    let row = application(draft.state, name)?.clone();
    let charm = draft
        .state
        .charm(row.charm)
        .ok_or_else(|| Refusal::not_found("charm of application", name))?;
    if !charm.charm.meta.resources.contains_key(resource) {
        let names = charm.charm.meta.resources.keys();
        return Err(Refusal::not_found("resource", resource).near(resource, names));
    }
    let given = BTreeMap::from([(resource.to_owned(), upload.to_owned())]);
    give(draft, &row, &charm.charm, &given)
}

/// Gives an application resources: name to the id of an upload.
pub(super) fn give(
    draft: &mut Draft<'_>,
    row: &Application,
    charm: &Charm,
    given: &BTreeMap<String, String>,
) -> Result<(), Refusal> {
    for (name, id) in given {
        let resource = one(draft, row, charm, (name, id))
            .map_err(|refusal| refusal.at(format!("/resources/{name}")))?;
        draft.put(Row::Resource(resource));
    }
    Ok(())
}

fn one(
    draft: &Draft<'_>,
    row: &Application,
    charm: &Charm,
    (name, id): (&String, &str),
) -> Result<Resource, Refusal> {
    let spec = charm.meta.resources.get(name).ok_or_else(|| {
        let names = charm.meta.resources.keys();
        Refusal::invalid(format!("unrecognized resource {name:?}")).near(name, names)
    })?;
    if spec.kind == ResourceKind::OciImage {
        return Err(Refusal::not_supported(format!(
            "resource {name:?} is an OCI image, and machines run no containers: only resources \
             of type file can be given"
        )));
    }
    let upload = id.parse().ok().and_then(|id| draft.uploads.get(&id));
    let upload = upload.ok_or_else(|| Refusal::not_found("upload", id))?;
    check_extension(upload, &spec.filename)?;
    Ok(Resource {
        application: row.id,
        name: name.clone(),
        origin: match upload.revision {
            Some(revision) => ResourceOrigin::Store { revision },
            None => ResourceOrigin::Upload {
                user: upload.user.clone(),
            },
        },
        sha256: upload.blob.sha256.clone(),
        fingerprint: upload.fingerprint.clone(),
        size: upload.blob.size,
        at: draft.now,
    })
}

/// A file must be what the charm expects, as far as its name tells (Juju).
fn check_extension(upload: &Upload, expected: &str) -> Result<(), Refusal> {
    let of = |name: &str| Path::new(name).extension().map(std::ffi::OsStr::to_owned);
    if upload.filename.is_empty() || of(&upload.filename) == of(expected) {
        return Ok(());
    }
    let wanted =
        of(expected).map_or_else(String::new, |found| format!(".{}", found.to_string_lossy()));
    Err(Refusal::invalid(format!(
        "incorrect extension on resource upload {:?}, expected {wanted:?}",
        upload.filename
    )))
}

/// Says which resources nobody has given yet.
pub(super) fn tell_missing(draft: &mut Draft<'_>, row: &Application, charm: &Charm) {
    let given = |name: &str| {
        let put = |change: &lazuli_model::state::Change| {
            change.key() == RowKey::Resource(row.id, name.to_owned())
        };
        draft.changes.iter().any(put) || draft.state.resource(row.id, name).is_some()
    };
    let missing: Vec<String> = charm
        .meta
        .resources
        .iter()
        .filter(|(name, _)| !given(name))
        .map(|(name, spec)| match spec.kind {
            ResourceKind::File => format!(
                "resource {name:?} is missing: give it with attach-resource {} {name}=FILE",
                row.name
            ),
            ResourceKind::OciImage => {
                format!("resource {name:?} is an OCI image, which machines do not get")
            }
        })
        .collect();
    for notice in missing {
        draft.notice(notice);
    }
}

/// Takes away what another charm does not name.
pub(super) fn drop_unknown(draft: &mut Draft<'_>, row: &Application, charm: &Charm) {
    let unknown: Vec<RowKey> = draft
        .state
        .resources_of(row.id)
        .filter(|resource| {
            let spec = charm.meta.resources.get(&resource.name);
            spec.is_none_or(|spec| spec.kind != ResourceKind::File)
        })
        .map(|resource| RowKey::Resource(row.id, resource.name.clone()))
        .collect();
    for key in unknown {
        draft.delete(key);
    }
}
