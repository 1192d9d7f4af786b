//! The hooks of secrets that are due (reference: Juju 3.6,
//! `uniter/secrets/resolver.go`): expired, rotate, changed, remove.

use lazuli_model::hook::{Hook, SecretHook, SecretHookKind};
use lazuli_model::state::{Secret, SecretOwner};
use time::OffsetDateTime;

use super::Rows;

impl<'a> Rows<'a> {
    /// The first hook of a secret that is due.
    pub(super) fn secret_due(self) -> Option<Hook> {
        self.expired()
            .or_else(|| self.to_rotate())
            .or_else(|| self.changed())
            .or_else(|| self.obsolete())
    }

    /// When the next one is due by time alone.
    pub(super) fn secret_wake(self) -> Option<OffsetDateTime> {
        let state = self.inputs.state;
        self.managed()
            .flat_map(|secret| {
                state
                    .secret_revisions(secret.id)
                    .filter_map(|row| row.next_expire)
                    .chain(secret.next_rotate)
            })
            .filter(|at| *at > self.inputs.now)
            .min()
    }

    /// The secrets whose owner's hooks this unit runs.
    fn managed(self) -> impl Iterator<Item = &'a Secret> {
        let state = self.inputs.state;
        let leads = state.leads(self.unit);
        let application = leads.then_some(SecretOwner::Application(self.application.id));
        application
            .into_iter()
            .chain([SecretOwner::Unit(self.unit.id)])
            .flat_map(|owner| state.secrets_of(owner))
    }

    fn expired(self) -> Option<Hook> {
        let now = self.inputs.now;
        self.managed().find_map(|secret| {
            let mut revisions = self.inputs.state.secret_revisions(secret.id);
            let row = revisions.find(|row| row.next_expire.is_some_and(|at| at <= now))?;
            Some(hook(SecretHookKind::Expired, secret, row.revision))
        })
    }

    fn to_rotate(self) -> Option<Hook> {
        let now = self.inputs.now;
        self.managed()
            .find(|secret| secret.next_rotate.is_some_and(|at| at <= now))
            .map(|secret| hook(SecretHookKind::Rotate, secret, secret.latest))
    }

    fn changed(self) -> Option<Hook> {
        let state = self.inputs.state;
        state.secrets_read_by(self.unit.id).find_map(|row| {
            let secret = state.secret(row.secret)?;
            let newer = row.revision < secret.latest && row.told < secret.latest;
            (newer && state.may_read(self.unit, secret))
                .then(|| hook(SecretHookKind::Changed, secret, secret.latest))
        })
    }

    fn obsolete(self) -> Option<Hook> {
        let state = self.inputs.state;
        self.managed().find_map(|secret| {
            let row = state
                .secret_revisions(secret.id)
                .filter(|row| !row.obsolete_told)
                .find(|row| state.is_obsolete(secret, row.revision))?;
            Some(hook(SecretHookKind::Remove, secret, row.revision))
        })
    }
}

fn hook(kind: SecretHookKind, secret: &Secret, revision: u32) -> Hook {
    Hook::Secret(SecretHook {
        kind,
        secret: secret.id,
        revision,
    })
}
