mod metadata;
mod parts;
mod whole;

use super::*;
use crate::names::StorageName;
use crate::state::EndpointRole;

const META: &str = "name: app\nsummary: s\ndescription: d\n";

fn parse(files: &MapFiles) -> Charm {
    Charm::parse(files, "").unwrap_or_else(|error| panic!("{error}"))
}

/// A charm of which one file is as given, the rest good.
fn with(file: &str, text: &str) -> MapFiles {
    MapFiles::new().file("metadata.yaml", META).file(file, text)
}

fn fault(file: &str, text: &str) -> String {
    match Charm::parse(&with(file, text), "") {
        Ok(charm) => panic!("{text:?} was taken as {charm:?}"),
        Err(error) => error.to_string(),
    }
}

fn meta_fault(rest: &str) -> String {
    fault("metadata.yaml", &format!("{META}{rest}"))
}

fn endpoint(charm: &Charm, name: &str) -> Endpoint {
    charm.meta.endpoint(&name.parse().unwrap()).unwrap().clone()
}

fn store(charm: &Charm, name: &str) -> StorageSpec {
    charm.meta.storage[&name.parse::<StorageName>().unwrap()].clone()
}
