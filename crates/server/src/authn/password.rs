//! Passwords: argon2id, in PHC's string form.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use lazuli_api::Code;
use tokio::sync::Semaphore;

use crate::error::Error;

/// Hashes at once; each takes a processor and its memory.
const AT_ONCE: usize = 2;
/// Requests that wait for their turn at most.
const WAITING: usize = 32;
/// Characters of a password at least.
const SHORTEST: usize = 8;
/// Bytes of a password at most.
const LONGEST: usize = 1024;

/// What one hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory, KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for PasswordCost {
    /// OWASP's first choice for argon2id: 19 MiB, two passes.
    fn default() -> Self {
        Self {
            memory: 19 * 1024,
            passes: 2,
        }
    }
}

/// Hashes and checks passwords, a few at a time.
#[derive(Clone)]
pub(crate) struct Passwords {
    argon2: Argon2<'static>,
    /// Checked when there is no such user, so that this takes as long.
    nobody: Arc<str>,
    turns: Arc<Semaphore>,
    queue: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(cost: PasswordCost) -> Result<Self, Error> {
        let params = Params::new(cost.memory, cost.passes, 1, None)
            .map_err(|error| Error::Bug(format!("the cost of passwords is not one: {error}")))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash(&argon2, "nobody's password")?;
        Ok(Self {
            argon2,
            nobody: nobody.into(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            queue: Arc::new(Semaphore::new(AT_ONCE + WAITING)),
        })
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: &str) -> Result<String, Error> {
        check(password)?;
        let argon2 = self.argon2.clone();
        let password = password.to_owned();
        self.in_turn(move || hash(&argon2, &password)).await?
    }

    /// Whether a password is that of a hash; takes as long when there is none.
    pub(crate) async fn verify(&self, password: &str, stored: Option<&str>) -> Result<bool, Error> {
        let there = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        if password.len() > LONGEST {
            return Ok(false);
        }
        let argon2 = self.argon2.clone();
        let password = password.to_owned();
        let matches = self
            .in_turn(move || {
                PasswordHash::new(&stored).is_ok_and(|stored| {
                    argon2.verify_password(password.as_bytes(), &stored).is_ok()
                })
            })
            .await?;
        Ok(matches && there)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let busy = || Error::busy("too many people log in right now", 2);
        let _place = self.queue.try_acquire().map_err(|_| busy())?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| busy())?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        })
        .await
        .map_err(|source| Error::Task {
            doing: "hashing a password",
            source,
        })
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, Error> {
    argon2
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Bug(format!("a password cannot be hashed: {error}")))
}

fn check(password: &str) -> Result<(), Error> {
    if password.chars().count() >= SHORTEST && password.len() <= LONGEST {
        return Ok(());
    }
    Err(Error::problem(
        Code::Invalid,
        format!("a password has from {SHORTEST} to {LONGEST} characters"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: PasswordCost = PasswordCost {
        memory: 8,
        passes: 1,
    };

    #[tokio::test]
    async fn a_password_is_checked_against_its_hash() {
        let passwords = Passwords::new(CHEAP).unwrap();
        let hash = passwords.hash("correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(
            passwords
                .verify("correct horse", Some(&hash))
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .verify("battery staple", Some(&hash))
                .await
                .unwrap()
        );
        assert!(!passwords.verify("nobody's password", None).await.unwrap());
        assert!(!passwords.verify("x", Some("no hash")).await.unwrap());
    }

    #[tokio::test]
    async fn short_and_endless_passwords_are_refused() {
        let passwords = Passwords::new(CHEAP).unwrap();
        assert!(passwords.hash("short").await.is_err());
        assert!(passwords.hash(&"x".repeat(LONGEST + 1)).await.is_err());
    }
}
