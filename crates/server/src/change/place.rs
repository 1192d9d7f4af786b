//! Where units go.

use lazuli_model::base::Base;
use lazuli_model::constraints::Constraints;
use lazuli_model::id::{GenericUuid, MachineId};
use lazuli_model::life::Life;
use lazuli_model::names::MachineName;
use lazuli_model::placement::Placement;
use lazuli_model::state::{Machine, MachineSource, Row};

use super::{Draft, Refusal};

/// What a machine for a unit has to be.
pub(super) struct Wanted<'a> {
    pub(super) base: &'a Base,
    /// The application's over the model's.
    pub(super) constraints: &'a Constraints,
    /// The spaces that it is to be in, the primary one first.
    pub(super) spaces: &'a [String],
}

/// Reads placements; each is for one unit.
pub(super) fn read(texts: &[String]) -> Result<Vec<Placement>, Refusal> {
    let one = |(n, text): (usize, &String)| {
        let read = text.parse::<Placement>();
        read.map_err(|error| Refusal::from(error).at(format!("/placement/{n}")))
    };
    texts.iter().enumerate().map(one).collect()
}

impl Draft<'_> {
    /// Finds or makes the machine for a unit.
    pub(super) fn place(
        &mut self,
        placement: &Placement,
        wanted: &Wanted<'_>,
    ) -> Result<MachineId, Refusal> {
        match placement {
            Placement::Machine(name) => self.place_on(name, wanted),
            Placement::New => self.new_machine(None, wanted, true),
            Placement::Zone(zone) => self.new_machine(Some(zone.clone()), wanted, true),
            Placement::Ssh(_) => Err(Refusal::invalid(
                "a unit cannot be placed on ssh:user@host: enlist the host with add-machine, \
                 then place the unit on its number",
            )),
        }
    }

    fn place_on(&self, name: &MachineName, wanted: &Wanted<'_>) -> Result<MachineId, Refusal> {
        let found = self.state.machines().find(|row| row.name == *name);
        let machine = found.ok_or_else(|| Refusal::machine_not_found(name.as_str()))?;
        if machine.life != Life::Alive {
            return Err(Refusal::conflict(format!("machine {name} is not alive")));
        }
        if machine.base != *wanted.base {
            return Err(Refusal::conflict(format!(
                "base does not match: machine has {:?}, unit has {:?}",
                machine.base.to_string(),
                wanted.base.to_string()
            )));
        }
        if let Some(there) = machine.spaces()
            && let Some(space) = wanted
                .spaces
                .iter()
                .find(|one| !there.contains(&one.as_str()))
        {
            return Err(Refusal::conflict(format!(
                "machine {name} has no address in space {space:?}: a machine is put into spaces \
                 when it is made, with its constraint spaces={}",
                wanted.spaces.join(",")
            )));
        }
        Ok(machine.id)
    }

    /// Makes a machine at the cloud.
    pub(super) fn new_machine(
        &mut self,
        zone: Option<String>,
        wanted: &Wanted<'_>,
        for_unit: bool,
    ) -> Result<MachineId, Refusal> {
        self.add_machine(MachineSource::Cloud { zone }, wanted, for_unit)
    }

    /// Makes a machine.
    pub(super) fn add_machine(
        &mut self,
        source: MachineSource,
        wanted: &Wanted<'_>,
        for_unit: bool,
    ) -> Result<MachineId, Refusal> {
        let number = u32::try_from(self.numbers.machine())
            .map_err(|_| Refusal::conflict("the model has used up its machine numbers"))?;
        let name = MachineName::numbered(number);
        let id = MachineId::from_untyped_uuid(self.numbers.id());
        self.put(Row::Machine(Machine {
            id,
            name,
            base: wanted.base.clone(),
            constraints: wanted.constraints.clone(),
            source,
            spaces: wanted.spaces.to_vec(),
            life: Life::Alive,
            force: false,
            for_unit,
            created_at: self.now,
        }));
        Ok(id)
    }
}
