//! A model with what the cloud did about it, played by hand.

use std::collections::BTreeMap;

use lazuli_model::constraints::Constraints;
use lazuli_model::id::{
    ApplicationId, CharmId, ControllerId, EffectId, GenericUuid, MachineId, ModelId, UnitId,
};
use lazuli_model::life::Life;
use lazuli_model::offer::Offer;
use lazuli_model::state::{
    Application, Change, Effect, EffectFailure, EffectSpec, EffectState, FailureClass, Machine,
    MachineFacts, MachineSource, MachineState, Model, ModelState, OpenedPort, Row, Unit,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::cloud::{plan_machine, plan_model};
use crate::types::{Action, InFlight, Inputs, Look, Subject, SubjectPlan};

pub(super) const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
/// Between two looks at a first boot.
pub(super) const LOOK: time::Duration = time::Duration::seconds(3);

pub(super) fn id<T: GenericUuid>(n: u128) -> T {
    T::from_untyped_uuid(Uuid::from_u128(n))
}

pub(super) fn offers() -> Vec<Offer> {
    ["Standard_B2s", "Standard_D2s_v5"]
        .map(|size| Offer {
            interfaces: 4,
            size: size.to_owned(),
            arch: "amd64".to_owned(),
            cores: 2,
            mem: 4096,
            zones: vec!["1".to_owned(), "2".to_owned(), "3".to_owned()],
            price_micros: None,
            family: "f".to_owned(),
            limits: Vec::new(),
        })
        .to_vec()
}

pub(super) fn state() -> ModelState {
    ModelState::new(Model {
        spaces: BTreeMap::new(),
        id: id::<ModelId>(0xabc),
        name: "m".parse().expect("a name"),
        owner: "admin".parse().expect("a name"),
        controller: id::<ControllerId>(1),
        cloud: "azure".to_owned(),
        region: "westeurope".to_owned(),
        address_range: "10.64.0.0/18".to_owned(),
        config: BTreeMap::new(),
        constraints: Constraints::default(),
        ssh_key: "ssh-ed25519 AAAA".to_owned(),
        authorized_keys: Vec::new(),
        storage_pools: BTreeMap::new(),
        life: Life::Alive,
        force: false,
        created_at: NOW,
    })
}

pub(super) fn machine(life: Life) -> Machine {
    Machine {
        spaces: Vec::new(),
        id: id::<MachineId>(7),
        name: "0".parse().expect("a name"),
        base: "ubuntu@24.04".parse().expect("a base"),
        constraints: Constraints::default(),
        source: MachineSource::Cloud { zone: None },
        life,
        force: false,
        for_unit: true,
        created_at: NOW,
    }
}

/// A model with what the cloud did about it.
pub(super) struct World {
    pub(super) state: ModelState,
    pub(super) calls: Vec<String>,
    /// Sizes that the cloud has none of, everywhere or as `SIZE@ZONE`.
    pub(super) dry: Vec<&'static str>,
    pub(super) flight: InFlight,
    /// First boots do not end.
    pub(super) unreachable: bool,
    pub(super) offers: Vec<Offer>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            state: state(),
            calls: Vec::new(),
            dry: Vec::new(),
            flight: InFlight::default(),
            unreachable: false,
            offers: offers(),
        }
    }

    pub(super) fn put(&mut self, row: Row) {
        self.state.apply(Change::Put(row));
    }

    pub(super) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            state: &self.state,
            flight: &self.flight,
            offers: &self.offers,
            now: NOW,
        }
    }

    /// The plan of the model or a machine: decided one after the other.
    pub(super) fn plan(&self, subject: Subject) -> SubjectPlan {
        match subject {
            Subject::Machine(id) => {
                let machine = self.state.machine(id).expect("a row");
                plan_machine(self.inputs(), machine)
            }
            _ => plan_model(self.inputs()),
        }
    }

    pub(super) fn plans(&self) -> Vec<SubjectPlan> {
        let inputs = self.inputs();
        let machines = self.state.machines().map(|row| plan_machine(inputs, row));
        std::iter::once(plan_model(inputs))
            .chain(machines)
            .collect()
    }

    /// Decides and acts until nothing is left to do; every call succeeds at
    /// once unless the size is dry.
    pub(super) fn settle(&mut self) {
        for _ in 0..100 {
            let mut quiet = true;
            let mut subjects = vec![Subject::Model];
            subjects.extend(self.state.machines().map(|row| Subject::Machine(row.id)));
            for subject in subjects {
                let plan = self.plan(subject);
                for change in plan.decisions {
                    quiet = false;
                    self.state.apply(change);
                }
                for action in plan.actions {
                    quiet &= !self.act(&action);
                }
            }
            if quiet {
                return;
            }
        }
        panic!("it does not settle: {:?}", self.plans());
    }

    /// Whether the action changed something.
    pub(super) fn act(&mut self, action: &Action) -> bool {
        match action {
            Action::Ensure { effect } => self.ensure(*effect),
            Action::Remove { effect } => {
                self.finish(*effect, "-", EffectState::Gone);
            }
            Action::Boot { machine } if self.unreachable => {
                let next = NOW + LOOK;
                self.flight.looks.insert(*machine, Look::Failed { next });
            }
            Action::Boot { machine } => {
                let mut known = self.state.machine_state(*machine).expect("a row").clone();
                known.facts = Some(MachineFacts {
                    hostname: "m-0".to_owned(),
                    arch: "amd64".to_owned(),
                    cores: 2,
                    mem: 4096,
                    os: "ubuntu".to_owned(),
                    os_version: "24.04".to_owned(),
                    boot_id: "b".to_owned(),
                    machine_id: "i".to_owned(),
                });
                self.put(Row::MachineState(known));
            }
            other => panic!("{other:?} is not the cloud's"),
        }
        true
    }

    pub(super) fn ensure(&mut self, effect: EffectId) {
        let row = self.state.effect(effect).expect("a row").clone();
        let EffectSpec::VirtualMachine(vm) = &row.spec else {
            self.finish(effect, "+", EffectState::Present);
            return;
        };
        let place = match &vm.zone {
            Some(zone) => format!("{}@{zone}", vm.size),
            None => vm.size.clone(),
        };
        if self.dry.contains(&place.as_str()) || self.dry.contains(&vm.size.as_str()) {
            self.calls.push(format!("! {} {place}", row.name));
            self.put(Row::Effect(Effect {
                failure: Some(EffectFailure {
                    class: FailureClass::Capacity,
                    code: "AllocationFailed".to_owned(),
                    message: "no capacity".to_owned(),
                    attempts: 1,
                    next_try: Some(NOW + time::Duration::minutes(1)),
                }),
                ..row
            }));
            return;
        }
        self.finish(effect, "+", EffectState::Present);
        if let Some(machine) = row.machine {
            let known = self.state.machine_state(machine).expect("a row").clone();
            self.put(Row::MachineState(MachineState {
                address: Some([10, 64, 0, 4].into()),
                ..known
            }));
        }
    }

    pub(super) fn finish(&mut self, effect: EffectId, sign: &str, state: EffectState) {
        let row = self.state.effect(effect).expect("a row").clone();
        self.calls.push(format!("{sign} {}", row.name));
        self.put(Row::Effect(Effect {
            cloud_id: Some(format!("/{}", row.name)),
            // As the ledger does: that there was none of it is remembered.
            failure: row.failure.clone().filter(|failure| {
                state == EffectState::Gone && failure.class == FailureClass::Capacity
            }),
            state,
            ..row
        }));
    }

    pub(super) fn expose(&mut self, exposed: bool) {
        self.put(Row::Application(Application {
            bindings: BTreeMap::new(),
            id: id::<ApplicationId>(20),
            name: "web".parse().expect("a name"),
            charm: id::<CharmId>(21),
            base: "ubuntu@24.04".parse().expect("a base"),
            constraints: Constraints::default(),
            config: BTreeMap::new(),
            exposed: exposed.then(|| BTreeMap::from([(String::new(), Default::default())])),
            trust: false,
            life: Life::Alive,
            force: false,
            storage: BTreeMap::new(),
            next_unit: 1,
            created_at: NOW,
        }));
    }

    pub(super) fn open_port(&mut self) {
        self.put(Row::OpenedPort(OpenedPort {
            unit: id(22),
            endpoint: String::new(),
            range: "80/tcp".parse().expect("a port"),
        }));
    }

    pub(super) fn unit(&mut self) {
        self.put(Row::Unit(Unit {
            id: id::<UnitId>(22),
            name: "web/0".parse().expect("a name"),
            application: id(20),
            machine: id(7),
            principal: None,
            life: Life::Alive,
            force: false,
            resolve: None,
            created_at: NOW,
        }));
    }
}
