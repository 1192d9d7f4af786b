//! Requests against models in memory: what changes, and Juju's words for what
//! cannot.

mod deploy;
mod relations;
mod removal;
mod settings;
mod spaces;
mod storage;
mod subordinates;
mod tasks;

use std::sync::Arc;

use lazuli_api::{
    AddMachines, AddUnits, Code, ConfigChange, Deploy, Expose, ExposeTo, Integrate, ManualHost,
    ModelConfigChange, Refresh, Removal, Resolved,
};
use lazuli_model::charm::{Charm, MapFiles};
use lazuli_model::hook::Hook;
use lazuli_model::id::{CharmId, GenericUuid as _};
use lazuli_model::life::Life;
use lazuli_model::state::{
    Change, CharmRevision, HookError, MachineSource, Model, ModelState, Row, UnitState,
};
use serde_json::json;
use time::macros::datetime;
use uuid::Uuid;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

/// Counts from one, for all kinds.
#[derive(Default)]
struct Counter {
    ids: u128,
    machines: u64,
    relations: u64,
    tasks: u64,
}

impl Numbers for Counter {
    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn machine(&mut self) -> u64 {
        self.machines += 1;
        self.machines - 1
    }

    fn relation(&mut self) -> u64 {
        self.relations += 1;
        self.relations - 1
    }

    fn task(&mut self) -> u64 {
        self.tasks += 1;
        self.tasks
    }
}

/// A model that requests are made to.
struct World {
    state: ModelState,
    numbers: Counter,
}

impl World {
    fn new() -> Self {
        let state = ModelState::new(Model {
            spaces: BTreeMap::new(),
            id: lazuli_model::id::ModelId::from_untyped_uuid(Uuid::from_u128(0xabc)),
            name: "dev".parse().unwrap(),
            owner: "admin".parse().unwrap(),
            controller: lazuli_model::id::ControllerId::from_untyped_uuid(Uuid::from_u128(1)),
            cloud: "azure".to_owned(),
            region: "westeurope".to_owned(),
            address_range: "10.64.0.0/18".to_owned(),
            config: Default::default(),
            constraints: "mem=2G".parse().unwrap(),
            ssh_key: String::new(),
            authorized_keys: Vec::new(),
            storage_pools: Default::default(),
            life: Life::Alive,
            force: false,
            created_at: NOW,
        });
        let mut world = Self {
            state,
            numbers: Counter::default(),
        };
        world.charm(
            "web",
            "requires: {db: {interface: pg, limit: 1}}\npeers: {ring: {interface: ring}}",
        );
        world.charm(
            "pg",
            "provides: {server: {interface: pg}, replica: {interface: pg}}",
        );
        world.charm(
            "nrpe",
            "subordinate: true\nrequires: {info: {interface: juju-info, scope: container}}",
        );
        world
    }

    fn charm(&mut self, name: &str, more: &str) {
        let n = u32::try_from(self.state.charms().count()).unwrap();
        let metadata = format!("name: {name}\nsummary: s\ndescription: d\n{more}\n");
        let files = MapFiles::new()
            .file("metadata.yaml", metadata)
            .file(
                "manifest.yaml",
                "bases: [{name: ubuntu, channel: '22.04'}, {name: ubuntu, channel: '24.04'}]",
            )
            .file(
                "config.yaml",
                "options: {port: {type: int, default: 80}, title: {type: string}}",
            )
            .file(
                "actions.yaml",
                "backup: {params: {file: {type: string}, level: {type: integer, default: 3}}, \
                 required: [file], additionalProperties: false}\n\
                 tidy: {parallel: true, execution-group: g}\n",
            );
        let revision = self
            .state
            .charms()
            .filter(|charm| charm.name == name)
            .count();
        self.state.apply(Change::Put(Row::Charm(CharmRevision {
            id: CharmId::from_untyped_uuid(Uuid::from_u128(u128::from(n) + 1000)),
            url: format!("local:{name}-{revision}"),
            name: name.to_owned(),
            revision: u32::try_from(revision).unwrap(),
            sha256: String::new(),
            charm: Arc::new(Charm::parse(&files, name).unwrap()),
        })));
    }

    /// Makes a request and applies what it changes.
    fn ask(
        &mut self,
        request: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal>,
    ) -> Result<Vec<String>, Refusal> {
        let mut draft = Draft::new(&self.state, NOW, &mut self.numbers);
        request(&mut draft)?;
        let changes = effective(&self.state, draft.outcome().changes);
        let lines = summary(&self.state, &changes);
        for change in changes {
            self.state.apply(change);
        }
        let line = |line: lazuli_api::EntityChange| {
            let change = format!("{:?}", line.change).to_lowercase();
            let detail = line
                .detail
                .map_or_else(String::new, |text| format!(" {text}"));
            format!("{change} {} {}{detail}", line.kind.as_str(), line.name)
        };
        Ok(lines.into_iter().map(line).collect())
    }

    fn deploy(&mut self, charm: &str) -> Vec<String> {
        let deploy = Deploy {
            charm: format!("local:{charm}-0"),
            ..Deploy::default()
        };
        self.ask(|draft| super::deploy(draft, &deploy)).unwrap()
    }

    fn refused(&mut self, request: impl FnOnce(&mut Draft<'_>) -> Result<(), Refusal>) -> String {
        self.ask(request).unwrap_err().detail
    }

    fn integrate(&mut self, one: &str, other: &str) -> Result<Vec<String>, Refusal> {
        let request = Integrate {
            endpoints: vec![one.to_owned(), other.to_owned()],
        };
        self.ask(|draft| integrate(draft, &request))
    }
}

fn some(charm: &str) -> Deploy {
    Deploy {
        charm: charm.to_owned(),
        ..Deploy::default()
    }
}
