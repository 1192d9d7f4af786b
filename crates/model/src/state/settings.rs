//! Models and their settings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Space, StoragePool};
use crate::constraints::Constraints;
use crate::id::{ControllerId, ModelId};
use crate::life::Life;
use crate::names::{ModelName, UserName};

/// The name of the model's secret that is the controller's SSH identity for
/// its machines, in OpenSSH's PEM.
pub const SSH_IDENTITY: &str = "ssh-identity";

/// A model. Written by the API, except that the planner removes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Its id.
    pub id: ModelId,
    /// Its name, unique among the models of its owner.
    pub name: ModelName,
    /// Who made it.
    pub owner: UserName,
    /// The controller that holds it.
    pub controller: ControllerId,
    /// The cloud's name.
    pub cloud: String,
    /// The cloud's region.
    pub region: String,
    /// The addresses of its network, such as `10.64.0.0/18`; distinct among
    /// the models of a controller.
    pub address_range: String,
    /// Settings that a user made (Juju's model-config keys and ours).
    pub config: BTreeMap<String, String>,
    /// Constraints of all its machines.
    pub constraints: Constraints,
    /// The public half of its SSH identity, in OpenSSH's one-line form.
    pub ssh_key: String,
    /// Keys of users that may log in to its machines, one-line form.
    pub authorized_keys: Vec<String>,
    /// Its users' storage pools, by name.
    pub storage_pools: BTreeMap<String, StoragePool>,
    /// Its spaces by name, as its users made them; see [`Model::all_spaces`].
    pub spaces: BTreeMap<String, Space>,
    /// Alive, or dying.
    pub life: Life,
    /// Removal skips what fails.
    pub force: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

/// How new networks get out (`egress` of model-config).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Egress {
    /// Through a NAT gateway.
    #[default]
    Nat,
    /// Each machine has a public address.
    Public,
    /// No way out.
    None,
}

impl Model {
    /// The `egress` setting.
    #[must_use]
    pub fn egress(&self) -> Egress {
        match self.config.get("egress").map(String::as_str) {
            Some("public") => Egress::Public,
            Some("none") => Egress::None,
            _ => Egress::Nat,
        }
    }

    /// Juju's `automatically-retry-hooks`, true by default.
    #[must_use]
    pub fn retries_hooks(&self) -> bool {
        self.config
            .get("automatically-retry-hooks")
            .is_none_or(|value| value != "false")
    }

    /// Juju's `update-status-hook-interval`: `5m` by default, from 1 to 60
    /// minutes.
    #[must_use]
    pub fn update_status_interval(&self) -> time::Duration {
        duration(self.config.get("update-status-hook-interval"))
            .unwrap_or(time::Duration::minutes(5))
            .clamp(time::Duration::minutes(1), time::Duration::minutes(60))
    }

    /// `hook-timeout`: none by default, as in Juju.
    #[must_use]
    pub fn hook_timeout(&self) -> Option<time::Duration> {
        duration(self.config.get("hook-timeout"))
    }

    /// `removal-timeout`: after this time a hook that cannot succeed no
    /// longer holds up a removal; 1 h by default.
    #[must_use]
    pub fn removal_timeout(&self) -> time::Duration {
        duration(self.config.get("removal-timeout")).unwrap_or(time::Duration::hours(1))
    }
}

/// How long, and how many bytes of, the results of actions that have ended
/// are kept by a model of this configuration: Juju's `max-action-results-age`
/// (336 h by default) and `max-action-results-size` (5 GiB by default).
#[must_use]
pub fn results_kept(config: &BTreeMap<String, String>) -> (time::Duration, u64) {
    let age = duration(config.get("max-action-results-age"));
    let size = config
        .get("max-action-results-size")
        .and_then(|text| mebibytes(text));
    (
        age.unwrap_or(time::Duration::hours(336)),
        size.unwrap_or(5 << 10).saturating_mul(1 << 20),
    )
}

/// A size such as `500M`, `5G` or `1T`, in MiB; a bare number counts them.
fn mebibytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text[digits.len()..].trim_end_matches(['i', 'B']) {
        "" | "M" => 1,
        "G" => 1 << 10,
        "T" => 1 << 20,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// A duration such as `30s`, `5m`, `1h` or `1h30m`; none when it is not one.
fn duration(text: Option<&String>) -> Option<time::Duration> {
    let mut total = time::Duration::ZERO;
    let mut number = String::new();
    for c in text?.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let count: u32 = number.parse().ok()?;
        number.clear();
        total += match c {
            's' => time::Duration::seconds(count.into()),
            'm' => time::Duration::minutes(count.into()),
            'h' => time::Duration::hours(count.into()),
            _ => return None,
        };
    }
    (number.is_empty() && total > time::Duration::ZERO).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_kept_as_the_model_says() {
        let config = |pairs: &[(&str, &str)]| {
            let owned = |text: &str| text.to_owned();
            let pairs = pairs.iter().map(|(key, value)| (owned(key), owned(value)));
            results_kept(&pairs.collect())
        };
        let default = (time::Duration::hours(336), 5 << 30);
        assert_eq!(config(&[]), default);
        assert_eq!(
            config(&[
                ("max-action-results-age", "1h"),
                ("max-action-results-size", "3M")
            ]),
            (time::Duration::hours(1), 3 << 20)
        );
        assert_eq!(config(&[("max-action-results-size", "much")]), default);
    }

    #[test]
    fn durations_are_go_like() {
        let parse = |text: &str| duration(Some(&text.to_owned()));
        assert_eq!(parse("90s"), Some(time::Duration::seconds(90)));
        assert_eq!(parse("1h30m"), Some(time::Duration::minutes(90)));
        assert_eq!(parse("5"), None);
        assert_eq!(parse("m"), None);
        assert_eq!(parse(""), None);
        assert_eq!(duration(None), None);
    }
}
