//! What only the one who holds a model can open or tell: its data key, and the
//! cloud's credential.

use lazuli_cloud::CloudSpec;
use lazuli_model::secret::{SecretData, SecretId, check_secret};
use lazuli_model::state::{RotatePolicy, SealedContent};
use lazuli_plan::{SecretFields, SecretWrite};
use lazuli_runner::frames;
use lazuli_store::seal::DataKey;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, PrimitiveDateTime, macros::format_description};

/// The key and the credential of a model.
#[derive(Default)]
pub(crate) struct Vault {
    key: Option<DataKey>,
    cloud: Option<CloudSpec>,
}

impl Vault {
    /// With a model's key, and the cloud it is in.
    pub(crate) fn new(key: DataKey, cloud: Option<CloudSpec>) -> Self {
        Self {
            key: Some(key),
            cloud,
        }
    }

    /// The cloud's specification, if the cloud has one to give.
    pub(crate) fn cloud(&self) -> Option<&CloudSpec> {
        self.cloud.as_ref()
    }

    /// What a secret says.
    pub(crate) fn open(&self, id: SecretId, content: &SealedContent) -> Result<SecretData, String> {
        let key = self.key.as_ref().ok_or("the model's key is not known")?;
        key.open_content(id, content)
            .map_err(|error| error.to_string())
    }

    fn seal(&self, id: SecretId, data: &SecretData) -> Result<SealedContent, String> {
        check_secret(data)?;
        let key = self.key.as_ref().ok_or("the model's key is not known")?;
        key.seal_content(id, data)
            .map_err(|error| error.to_string())
    }

    /// A write in the planner's terms, its content sealed.
    ///
    /// # Errors
    /// Why it cannot be taken: then the hook fails.
    pub(crate) fn write(
        &self,
        write: &frames::SecretWrite,
        now: OffsetDateTime,
    ) -> Result<SecretWrite, String> {
        let id: SecretId = write
            .id()
            .parse()
            .map_err(|error: lazuli_model::secret::SecretIdError| error.to_string())?;
        Ok(match write {
            frames::SecretWrite::Add {
                application,
                fields,
                ..
            } => SecretWrite::Add {
                id,
                application: *application,
                fields: self.fields(id, fields, now)?,
            },
            frames::SecretWrite::Set { fields, .. } => SecretWrite::Set {
                id,
                fields: self.fields(id, fields, now)?,
            },
            frames::SecretWrite::Grant { relation, unit, .. } => SecretWrite::Grant {
                id,
                relation: *relation,
                unit: unit.clone(),
            },
            frames::SecretWrite::Revoke {
                relation,
                application,
                unit,
                ..
            } => SecretWrite::Revoke {
                id,
                relation: *relation,
                application: application.clone(),
                unit: unit.clone(),
            },
            frames::SecretWrite::Remove { revision, .. } => SecretWrite::Remove {
                id,
                revision: *revision,
            },
        })
    }

    fn fields(
        &self,
        id: SecretId,
        fields: &frames::SecretFields,
        now: OffsetDateTime,
    ) -> Result<SecretFields, String> {
        let rotate = fields
            .rotate
            .as_deref()
            .map(|policy| {
                RotatePolicy::named(policy)
                    .ok_or_else(|| format!("rotate policy {policy:?} not valid"))
            })
            .transpose()?;
        let expires_at = fields
            .expire
            .as_deref()
            .map(|text| {
                expiry(text, now)
                    .ok_or_else(|| format!("expire time or duration {text:?} not valid"))
            })
            .transpose()?;
        let content = fields
            .content
            .as_ref()
            .map(|content| self.seal(id, &content.0))
            .transpose()?;
        Ok(SecretFields {
            label: fields.label.clone(),
            description: fields.description.clone(),
            rotate,
            expires_at,
            content,
        })
    }
}

/// A time, which is UTC unless it says otherwise, or a duration from now, in
/// the database's resolution.
fn expiry(text: &str, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let plain = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .or_else(|| {
            PrimitiveDateTime::parse(text, plain)
                .ok()
                .map(PrimitiveDateTime::assume_utc)
        })
        .map(|at| {
            let micros = at.microsecond();
            at.replace_microsecond(micros).unwrap_or(at)
        })
        .or_else(|| now.checked_add(duration(text)?))
}

/// A duration as Go writes them.
fn duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (digits, after) = rest.split_at(length);
        let number: f64 = digits.parse().ok()?;
        let (seconds, unit) = [(0.001, "ms"), (1.0, "s"), (60.0, "m"), (3600.0, "h")]
            .into_iter()
            .find(|(_, unit)| after.starts_with(unit))?;
        let micros = (number * seconds * 1e6).round();
        // A century is longer than any secret lives.
        if !(0.0..3.2e15).contains(&micros) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is bounded above")]
        let part = Duration::microseconds(micros as i64);
        total = total.checked_add(part)?;
        rest = after.strip_prefix(unit)?;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_a_time_or_a_duration() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let at = |seconds| Some(now + Duration::seconds(seconds));
        assert_eq!(expiry("1h30m", now), at(5400));
        assert_eq!(expiry("1.5h", now), at(5400));
        assert_eq!(expiry("1970-01-01T01:00:00", now), at(3600));
        assert_eq!(expiry("1970-01-01T01:00:00+01:00", now), at(0));
        for bad in ["", "1", "1d", "x", "99999999999999999999h"] {
            assert_eq!(expiry(bad, now), None, "{bad}");
        }
    }
}
