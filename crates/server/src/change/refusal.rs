//! Why a request is refused.

use lazuli_api::Code;
use lazuli_model::base::BaseError;
use lazuli_model::config::ConfigError;
use lazuli_model::constraints::ConstraintError;
use lazuli_model::names::NameError;
use lazuli_model::placement::PlacementError;

/// A name with fewer mistakes than this is taken for the one that was meant:
/// letters that are wrong, missing, too many or in another order.
const LETTERS_PER_MISTAKE: usize = 3;

/// Why a request is refused, in Juju's words where Juju has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub(crate) struct Refusal {
    /// What kind of refusal.
    pub(crate) code: Code,
    /// What is wrong, and what to do.
    pub(crate) detail: String,
    /// The field that is at fault, as a JSON pointer.
    pub(crate) pointer: Option<String>,
}

impl Refusal {
    fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            pointer: None,
        }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail)
    }

    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Code::Conflict, detail)
    }

    pub(crate) fn exists(detail: impl Into<String>) -> Self {
        Self::new(Code::AlreadyExists, detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    pub(crate) fn not_supported(detail: impl Into<String>) -> Self {
        Self::new(Code::NotSupported, detail)
    }

    /// Juju's text: `unit "mysql/9" not found`.
    pub(crate) fn not_found(kind: &str, name: &str) -> Self {
        Self::new(Code::NotFound, format!("{kind} {name:?} not found"))
    }

    /// Juju quotes no machines.
    pub(crate) fn machine_not_found(name: &str) -> Self {
        let name: String = name.chars().take(64).collect();
        Self::new(Code::NotFound, format!("machine {name} not found"))
    }

    /// With the name among these that was probably meant, if one is alike.
    pub(crate) fn near<T: AsRef<str>>(
        mut self,
        name: &str,
        among: impl IntoIterator<Item = T>,
    ) -> Self {
        let most = (name.chars().count() / LETTERS_PER_MISTAKE).max(1);
        let nearest = among
            .into_iter()
            .map(|other| (strsim::damerau_levenshtein(name, other.as_ref()), other))
            .filter(|(mistakes, _)| *mistakes <= most)
            .min_by_key(|(mistakes, _)| *mistakes);
        if let Some((_, nearest)) = nearest {
            self.detail = format!("{}; did you mean {:?}?", self.detail, nearest.as_ref());
        }
        self
    }

    /// The field that is at fault.
    pub(crate) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// With what was attempted in front.
    pub(crate) fn within(mut self, attempted: &str) -> Self {
        self.detail = format!("{attempted}: {}", self.detail);
        self
    }
}

macro_rules! invalid {
    ($($error:ty),+) => {$(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::invalid(error.to_string())
            }
        }
    )+};
}

invalid!(
    NameError,
    BaseError,
    ConstraintError,
    PlacementError,
    ConfigError
);
