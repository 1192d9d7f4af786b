//! What can go wrong, and the exit code of each.

use std::error::Error as _;
use std::fmt::Write as _;

use lazuli_api::{Class, ClientError, Code, Problem};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Something that a person can do something about.
    #[error("{message}")]
    User {
        /// What failed and why.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The server said no, or could not be asked.
    #[error(transparent)]
    Api(#[from] ClientError),
    /// The system said no.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// A mistake of this program.
    #[error("{0}; this is a bug")]
    Internal(String),
    /// A program that was run for the user ended so; it has said why.
    #[error("ended with exit code {0}")]
    Passed(u8),
}

/// What commands answer.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A failure without advice.
    pub(crate) fn user(message: impl Into<String>) -> Self {
        Self::User {
            message: message.into(),
            hint: None,
        }
    }

    /// A failure, and what to do about it.
    pub(crate) fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::User {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// A failure of the system at `what`, such as `read /etc/x`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Whether the server says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.problem()
            .is_some_and(|problem| problem.is(Code::NotFound))
    }

    /// Whether trying again may help, now or soon.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            // Of a stream: what happened meanwhile is in the status.
            Self::Api(error) => {
                error.class() == Class::Transient
                    || error
                        .problem()
                        .is_some_and(|problem| problem.is(Code::Gone))
            }
            _ => false,
        }
    }

    /// The exit code, as Juju's: 2 for usage, 1 for all else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Passed(code) => *code,
            _ => 1,
        }
    }

    /// What to write to stderr; empty if it was said already.
    pub(crate) fn report(&self) -> String {
        if matches!(self, Self::Passed(_)) {
            return String::new();
        }
        let mut text = format!("ERROR {}\n", self.headline());
        // What is between a failed request and its first cause says nothing.
        let layers = matches!(self, Self::Api(_));
        let mut cause = match self {
            Self::Api(error) => error.source(),
            other => other.source(),
        };
        while let Some(error) = cause {
            cause = error.source();
            if cause.is_none() || !layers {
                _ = writeln!(text, "  because: {error}");
            }
        }
        let fields = self.problem().map_or(&[][..], |problem| &problem.errors);
        // One that the headline is about is not said twice.
        let said = self.headline();
        for field in fields.iter().filter(|field| field.detail != said) {
            _ = writeln!(text, "  {}: {}", field.pointer, field.detail);
        }
        if let Some(hint) = self.hint() {
            _ = writeln!(text, "{hint}");
        }
        text
    }

    fn headline(&self) -> String {
        match self.problem() {
            Some(problem) if problem.status == 401 => "please log in: lazuli login".to_owned(),
            Some(problem) if problem.detail.is_empty() => problem.title.clone(),
            _ => self.to_string(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::User { hint, .. } => hint.clone(),
            Self::Api(ClientError::Untrusted { .. }) => Some(
                "Log in with --fingerprint SHA256 to take one certificate alone, or with --ca-cert \
                 FILE to take those of an authority. On the controller, its log says the \
                 fingerprint."
                    .to_owned(),
            ),
            Self::Api(_) => {
                let problem = self.problem()?;
                if problem.is(Code::Internal) {
                    let request = problem.instance.as_deref()?;
                    return Some(format!(
                        "The server's log has more, under request {request}."
                    ));
                }
                let seconds = problem.retry_after?;
                Some(format!("Try again in {seconds} s."))
            }
            _ => None,
        }
    }

    fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Api(error) => error.problem(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_jujus() {
        assert_eq!(Error::user("x").exit_code(), 1);
        assert_eq!(Error::Usage("x".to_owned()).exit_code(), 2);
        assert_eq!(Error::Passed(42).exit_code(), 42);
    }

    #[test]
    fn reports_say_what_why_and_what_to_do() {
        let error = Error::with_hint("no controller", "Log in to one.");
        assert_eq!(error.report(), "ERROR no controller\nLog in to one.\n");
        let error = Error::io("read x")(std::io::Error::other("disk gone"));
        assert_eq!(
            error.report(),
            "ERROR cannot read x\n  because: disk gone\n"
        );
        assert_eq!(Error::Passed(3).report(), "");
    }

    #[test]
    fn a_missing_login_says_how() {
        let problem = Problem::new(Code::Unauthorized, "no token");
        let error = Error::from(ClientError::Problem(Box::new(problem)));
        assert_eq!(error.report(), "ERROR please log in: lazuli login\n");
    }
}
