//! The rows after the buffered writes of `secret-add`, `-set`, `-grant`,
//! `-revoke` and `-remove`.

use std::collections::BTreeMap;

use lazuli_model::life::Life;
use lazuli_model::secret::SecretId;
use lazuli_model::state::{
    Grant, Grantee, Relation, RotatePolicy, Row, RowKey, SealedContent, Secret, SecretOwner,
    SecretRevision, Unit,
};
use time::OffsetDateTime;

use super::Draft;

/// A write to a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretWrite {
    /// `secret-add`.
    Add {
        /// The id, which the tool has printed.
        id: SecretId,
        /// The application's rather than the unit's.
        application: bool,
        /// The rest.
        fields: SecretFields,
    },
    /// `secret-set`.
    Set {
        /// The secret.
        id: SecretId,
        /// What changes.
        fields: SecretFields,
    },
    /// `secret-grant`.
    Grant {
        /// The secret.
        id: SecretId,
        /// The relation over which it is granted, by number.
        relation: u64,
        /// One unit of the other end rather than all, by name.
        unit: Option<String>,
    },
    /// `secret-revoke`.
    Revoke {
        /// The secret.
        id: SecretId,
        /// From the application at the other end of this relation.
        relation: Option<u64>,
        /// From this application, by name.
        application: Option<String>,
        /// From this unit, by name.
        unit: Option<String>,
    },
    /// `secret-remove`.
    Remove {
        /// The secret.
        id: SecretId,
        /// One revision rather than all.
        revision: Option<u32>,
    },
}

/// What `secret-add` and `secret-set` say of a secret; none stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFields {
    /// The owner's name for it.
    pub label: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// How often it should get a new revision.
    pub rotate: Option<RotatePolicy>,
    /// When the newest revision should be used no longer.
    pub expires_at: Option<OffsetDateTime>,
    /// A new revision, unless the newest says the same.
    pub content: Option<SealedContent>,
}

impl Draft<'_> {
    /// Takes one write in.
    ///
    /// # Errors
    /// When the unit may not make it: then its hook fails.
    pub(crate) fn write(
        &mut self,
        unit: &Unit,
        write: &SecretWrite,
        now: OffsetDateTime,
    ) -> Result<(), String> {
        match write {
            SecretWrite::Add {
                id,
                application,
                fields,
            } => self.add(unit, *id, *application, fields, now),
            SecretWrite::Set { id, fields } => {
                let secret = self.managed(unit, *id)?;
                self.set(secret, fields, now)
            }
            SecretWrite::Grant {
                id,
                relation,
                unit: to,
            } => {
                let secret = self.managed(unit, *id)?;
                self.grant(unit, secret, *relation, to.as_deref(), now);
                Ok(())
            }
            SecretWrite::Revoke {
                id,
                relation,
                application,
                unit: from,
            } => {
                let mut secret = self.managed(unit, *id)?;
                let across = relation.and_then(|number| self.across(unit, number));
                let gone = across.map(|(_, grantee)| grantee);
                let named = |grantee: &Grantee| match grantee {
                    Grantee::Application(id) => {
                        let name = self.state.application(*id).map(|row| row.name.to_string());
                        application.is_some() && name == *application
                    }
                    Grantee::Unit(id) => {
                        let name = self.state.unit(*id).map(|row| row.name.to_string());
                        from.is_some() && name == *from
                    }
                };
                secret
                    .grants
                    .retain(|grantee, _| Some(*grantee) != gone && !named(grantee));
                secret.updated_at = now;
                self.put(Row::Secret(secret));
                Ok(())
            }
            SecretWrite::Remove { id, revision } => {
                let secret = self.managed(unit, *id)?;
                if let Some(revision) = revision {
                    self.delete(RowKey::SecretRevision(*id, *revision));
                }
                if revision.is_none() || self.revisions(&secret).is_empty() {
                    self.remove(&secret);
                }
                Ok(())
            }
        }
    }

    fn managed(&self, unit: &Unit, id: SecretId) -> Result<Secret, String> {
        let secret = self
            .secret(id)
            .ok_or_else(|| format!("secret \"{id}\" not found"))?;
        if self.state.may_manage(unit, &secret) {
            Ok(secret)
        } else {
            Err("permission denied".to_owned())
        }
    }

    fn add(
        &mut self,
        unit: &Unit,
        id: SecretId,
        application: bool,
        fields: &SecretFields,
        now: OffsetDateTime,
    ) -> Result<(), String> {
        if self.secret(id).is_some() {
            return Err(format!("secret \"{id}\" already exists"));
        }
        let owner = if application {
            SecretOwner::Application(unit.application)
        } else {
            SecretOwner::Unit(unit.id)
        };
        let secret = Secret {
            id,
            owner,
            label: String::new(),
            description: String::new(),
            rotate: RotatePolicy::Never,
            next_rotate: None,
            latest: 0,
            auto_prune: false,
            grants: BTreeMap::new(),
            created_at: now,
            updated_at: now,
        };
        if !self.state.may_manage(unit, &secret) {
            return Err("this unit is not the leader".to_owned());
        }
        self.set(secret, fields, now)
    }

    fn set(
        &mut self,
        mut secret: Secret,
        fields: &SecretFields,
        now: OffsetDateTime,
    ) -> Result<(), String> {
        if let Some(label) = &fields.label {
            let taken = self
                .secrets_of(secret.owner)
                .any(|other| other.id != secret.id && !label.is_empty() && other.label == *label);
            if taken {
                return Err(format!("secret with label {label:?} already exists"));
            }
            secret.label.clone_from(label);
        }
        if let Some(description) = &fields.description {
            secret.description.clone_from(description);
        }
        if let Some(policy) = fields.rotate.filter(|policy| *policy != secret.rotate) {
            secret.rotate = policy;
            secret.next_rotate = policy.after(now);
        }
        self.revise(&mut secret, fields, now);
        secret.updated_at = now;
        self.put(Row::Secret(secret));
        Ok(())
    }

    /// A new revision when the content is new, and when the newest expires.
    fn revise(&mut self, secret: &mut Secret, fields: &SecretFields, now: OffsetDateTime) {
        let newest = self.revision(secret.id, secret.latest);
        let is_new = |content: &&SealedContent| {
            newest
                .as_ref()
                .is_none_or(|row| row.content.checksum != content.checksum)
        };
        let row = match fields.content.as_ref().filter(is_new) {
            Some(content) => {
                secret.latest += 1;
                Some(SecretRevision {
                    secret: secret.id,
                    revision: secret.latest,
                    content: content.clone(),
                    created_at: now,
                    expires_at: fields.expires_at,
                    next_expire: fields.expires_at,
                    obsolete_told: false,
                })
            }
            None => newest
                .filter(|_| fields.expires_at.is_some())
                .map(|row| SecretRevision {
                    expires_at: fields.expires_at,
                    next_expire: fields.expires_at,
                    ..row
                }),
        };
        if let Some(row) = row {
            self.put(Row::SecretRevision(row));
        }
    }

    /// A relation that is gone meanwhile grants nothing.
    fn grant(
        &mut self,
        unit: &Unit,
        mut secret: Secret,
        number: u64,
        to: Option<&str>,
        now: OffsetDateTime,
    ) {
        let Some((relation, application)) = self.across(unit, number) else {
            return;
        };
        if relation.life != Life::Alive {
            return;
        }
        let grantee = match to {
            None => Some(application),
            Some(name) => self
                .state
                .relation_units(relation.id)
                .find(|member| member.in_scope && member.name.to_string() == name)
                .map(|member| Grantee::Unit(member.unit)),
        };
        if let Some(grantee) = grantee {
            let relation = Some(relation.id);
            secret.grants.insert(grantee, Grant { relation });
            secret.updated_at = now;
            self.put(Row::Secret(secret));
        }
    }

    /// A relation of the unit, and the application at its other end.
    fn across(&self, unit: &Unit, number: u64) -> Option<(&Relation, Grantee)> {
        let relation = self
            .state
            .relations_of(unit.application)
            .find(|relation| relation.number == number)?;
        let remote = relation.remote(unit.application)?;
        Some((relation, Grantee::Application(remote.application)))
    }
}
