//! Patience with a controller that is away for a while, as when it restarts.

use std::time::Duration;

use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::session::Session;

/// The first pause; it doubles, four times.
const PAUSE: Duration = Duration::from_millis(500);
/// How often.
const DOUBLINGS: u32 = 4;
/// Failures in a row after which it is over: about a quarter of an hour.
const MOST: u32 = 120;

/// Counts failures in a row, and pauses after each.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    failures: u32,
}

impl Patience {
    /// After something that went well.
    pub(crate) fn restore(&mut self) {
        self.failures = 0;
    }

    /// Pauses after a failure, and says so at the first.
    ///
    /// # Errors
    /// With the failure itself, if trying again does not help, or was done
    /// often enough.
    pub(crate) async fn after(&mut self, session: &Session, error: Error) -> Result<()> {
        if !error.may_pass() || self.failures == MOST {
            return Err(error);
        }
        if self.failures == 0 {
            session.say(format!("{error}; trying again"));
        }
        self.pause().await;
        Ok(())
    }

    /// Pauses before the next attempt.
    pub(crate) async fn pause(&mut self) {
        sleep(PAUSE * 2u32.pow(self.failures.min(DOUBLINGS))).await;
        self.failures += 1;
    }
}

#[cfg(test)]
mod tests {
    use lazuli_api::{ClientError, Code, Problem};
    use time::UtcOffset;

    use crate::files::Files;

    use super::*;

    fn problem(code: Code) -> Error {
        Error::from(ClientError::Problem(Box::new(Problem::new(code, "x"))))
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_passes_is_waited_for_and_not_for_ever() {
        let session = Session {
            files: Files::of_user(|_| Some("/nowhere".to_owned())).unwrap(),
            model: None,
            controller: None,
            quiet: true,
            color: None,
            offset: UtcOffset::UTC,
        };
        let mut patience = Patience::default();
        let lasting = patience.after(&session, problem(Code::Forbidden)).await;
        assert!(lasting.is_err());
        let mut waited = 0;
        while patience
            .after(&session, problem(Code::Unavailable))
            .await
            .is_ok()
        {
            waited += 1;
        }
        assert_eq!(waited, MOST);
        patience.restore();
        assert!(patience.after(&session, problem(Code::Gone)).await.is_ok());
    }
}
