//! Secrets (Juju's): of charms, owned by an application or a unit, and of
//! users, owned by the model.
//!
//! Contents are here only as they are sealed with the model's data key; who
//! has the key opens them for whoever may read them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use time::{Date, Duration, Month, OffsetDateTime};

use crate::id::{ApplicationId, RelationId, UnitId};
use crate::secret::SecretId;

/// A secret. Those of charms are written by the outcomes of their hooks, those
/// of users by the API; the planner removes both with what they belong to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// Its id.
    pub id: SecretId,
    /// Whose it is.
    pub owner: SecretOwner,
    /// The owner's name for it, unique among the owner's; empty for none.
    /// Of users' secrets it is the name.
    pub label: String,
    /// For people.
    pub description: String,
    /// How often it should get a new revision.
    pub rotate: RotatePolicy,
    /// When secret-rotate is due next.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_rotate: Option<OffsetDateTime>,
    /// The newest revision; revisions count from 1.
    pub latest: u32,
    /// Of users' secrets: revisions that nobody reads any more go by
    /// themselves.
    pub auto_prune: bool,
    /// Who else may read it.
    #[serde(with = "grants")]
    pub grants: BTreeMap<Grantee, Grant>,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When anything of it changed last.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// Whose a secret is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretOwner {
    /// The model's: users made it.
    Model,
    /// An application's: its leader manages it, its units read it.
    Application(ApplicationId),
    /// A unit's.
    Unit(UnitId),
}

/// Who was granted a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grantee {
    /// All units of an application.
    Application(ApplicationId),
    /// One unit.
    Unit(UnitId),
}

/// A grant to read. Nothing is ever granted to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// It ends with this relation; none for the grants of users.
    pub relation: Option<RelationId>,
}

/// Content as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedContent {
    /// Sealed for [`SecretId::place`].
    pub sealed: Arc<Vec<u8>>,
    /// Changes with the content and tells nothing of it.
    pub checksum: String,
}

impl fmt::Debug for SealedContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedContent({} bytes)", self.sealed.len())
    }
}

/// One revision of a secret; written as the secret is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SecretRevision {
    /// The secret.
    pub secret: SecretId,
    /// From 1.
    pub revision: u32,
    /// What it says, sealed.
    pub content: SealedContent,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it should be used no longer.
    #[serde(with = "time::serde::rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When secret-expired is due next, for the first time or again.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_expire: Option<OffsetDateTime>,
    /// The owner was told (secret-remove) that nobody reads it any more.
    pub obsolete_told: bool,
}

/// What a unit reads of a secret. Written when a hook reads, and by the
/// outcomes of hooks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretConsumer {
    /// The secret.
    pub secret: SecretId,
    /// Who reads it.
    pub unit: UnitId,
    /// The unit's own name for it; empty for none.
    pub label: String,
    /// The revision that it reads until it refreshes.
    pub revision: u32,
    /// The newest revision that it was told of (secret-changed) or has read.
    pub told: u32,
}

/// How often a secret should get a new revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words of Juju's rotate policies")]
pub enum RotatePolicy {
    #[default]
    Never,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

impl RotatePolicy {
    const ALL: [Self; 7] = [
        Self::Never,
        Self::Hourly,
        Self::Daily,
        Self::Weekly,
        Self::Monthly,
        Self::Quarterly,
        Self::Yearly,
    ];

    /// The policy of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == name)
    }

    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Quarterly => "quarterly",
            Self::Yearly => "yearly",
        }
    }

    /// When the next rotation is due after one at this time; none for never.
    #[must_use]
    pub fn after(self, last: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Self::Never => None,
            Self::Hourly => Some(last + Duration::hours(1)),
            Self::Daily => Some(last + Duration::days(1)),
            Self::Weekly => Some(last + Duration::days(7)),
            Self::Monthly => Some(months_later(last, 1)),
            Self::Quarterly => Some(months_later(last, 3)),
            Self::Yearly => Some(months_later(last, 12)),
        }
    }
}

/// The same day some months later; what a month lacks runs over into the next
/// (as Go's AddDate does).
fn months_later(at: OffsetDateTime, months: u8) -> OffsetDateTime {
    let count = u8::from(at.month()) - 1 + months;
    let month = Month::January.nth_next(count % 12);
    Date::from_calendar_date(at.year() + i32::from(count / 12), month, 1).map_or(at, |first| {
        at.replace_date(first) + Duration::days(i64::from(at.day()) - 1)
    })
}

/// As a list of pairs: keys of JSON are strings.
mod grants {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Grant, Grantee};

    pub(super) fn serialize<S: Serializer>(
        grants: &BTreeMap<Grantee, Grant>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(grants)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Grantee, Grant>, D::Error> {
        let pairs = Vec::<(Grantee, Grant)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotations_follow_the_calendar() {
        let at = |month, day| {
            Date::from_calendar_date(2025, month, day)
                .unwrap()
                .midnight()
                .assume_utc()
        };
        let january = at(Month::January, 31);
        assert_eq!(RotatePolicy::Never.after(january), None);
        assert_eq!(
            RotatePolicy::Monthly.after(january),
            Some(at(Month::March, 3))
        );
        let november = at(Month::November, 5);
        let next = RotatePolicy::Quarterly.after(november).unwrap();
        assert_eq!(
            (next.year(), next.month(), next.day()),
            (2026, Month::February, 5)
        );
        let next = RotatePolicy::Yearly.after(november).unwrap();
        assert_eq!(
            (next.year(), next.month(), next.day()),
            (2026, Month::November, 5)
        );
        for policy in RotatePolicy::ALL {
            assert_eq!(RotatePolicy::named(policy.as_str()), Some(policy));
        }
    }

    #[test]
    fn sealed_content_does_not_show() {
        let content = SealedContent {
            sealed: Arc::new(vec![1, 2, 3]),
            checksum: "x".to_owned(),
        };
        assert_eq!(format!("{content:?}"), "SealedContent(3 bytes)");
    }
}
