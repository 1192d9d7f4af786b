//! What `lazuli status --format json` says.

use serde_json::Value;

/// A model's status.
#[derive(Clone, Debug)]
pub struct Status(pub Value);

impl Status {
    fn text(value: &Value, path: &[&str]) -> String {
        let found = path.iter().try_fold(value, |value, key| value.get(*key));
        found.and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// Units by name, of all applications, subordinates among them.
    pub fn units(&self) -> impl Iterator<Item = (&str, &Value)> {
        let applications = self.0["applications"].as_object().into_iter().flatten();
        let principals = applications.flat_map(|(_, application)| {
            let units = application["units"].as_object();
            units.into_iter().flatten()
        });
        principals.flat_map(|(name, unit)| {
            let below = unit["subordinates"].as_object().into_iter().flatten();
            let below = below.map(|(name, unit)| (name.as_str(), unit));
            std::iter::once((name.as_str(), unit)).chain(below)
        })
    }

    /// A unit.
    #[must_use]
    pub fn unit(&self, name: &str) -> Option<&Value> {
        self.units()
            .find_map(|(unit, value)| (unit == name).then_some(value))
    }

    /// A unit's workload status and its message.
    #[must_use]
    pub fn workload(&self, unit: &str) -> (String, String) {
        let unit = self.unit(unit).unwrap_or(&Value::Null);
        (
            Self::text(unit, &["workload-status", "current"]),
            Self::text(unit, &["workload-status", "message"]),
        )
    }

    /// A unit's agent status and its message.
    #[must_use]
    pub fn agent(&self, unit: &str) -> (String, String) {
        let unit = self.unit(unit).unwrap_or(&Value::Null);
        (
            Self::text(unit, &["juju-status", "current"]),
            Self::text(unit, &["juju-status", "message"]),
        )
    }

    /// Machines by name.
    pub fn machines(&self) -> impl Iterator<Item = (&str, &Value)> {
        let machines = self.0["machines"].as_object().into_iter().flatten();
        machines.map(|(name, machine)| (name.as_str(), machine))
    }

    /// A machine's status (as its agent would have it) and its message.
    #[must_use]
    pub fn machine(&self, name: &str) -> (String, String) {
        let machine = &self.0["machines"][name];
        (
            Self::text(machine, &["juju-status", "current"]),
            Self::text(machine, &["juju-status", "message"]),
        )
    }

    /// A machine's instance status and its message.
    #[must_use]
    pub fn instance(&self, name: &str) -> (String, String) {
        let machine = &self.0["machines"][name];
        (
            Self::text(machine, &["machine-status", "current"]),
            Self::text(machine, &["machine-status", "message"]),
        )
    }

    /// Whether there are so many units, all active and idle.
    #[must_use]
    pub fn all_active(&self, count: usize) -> bool {
        let mut units = 0;
        let calm = self.units().all(|(name, _)| {
            units += 1;
            self.workload(name).0 == "active" && self.agent(name).0 == "idle"
        });
        calm && units == count
    }
}
