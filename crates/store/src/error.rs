//! What can go wrong, and what to do about it.

use std::borrow::Cow;

use lazuli_model::id::ModelId;
use sqlx::error::{DatabaseError, ErrorKind};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// Why something could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres, or the way to it, failed.
    #[error("failed to {doing}")]
    Database {
        /// What was attempted.
        doing: &'static str,
        /// Postgres' words.
        #[source]
        source: sqlx::Error,
    },
    /// The connection broke while a commit was under way: it may or may not
    /// have happened. Read before writing again.
    #[error("the database's answer to a commit was lost: it may or may not have happened")]
    OutcomeUnknown {
        /// How it broke.
        #[source]
        source: sqlx::Error,
    },
    /// The model is held by another replica, or removed: stop working on it.
    #[error("model {model} is no longer held with epoch {epoch}")]
    Fenced {
        /// The model.
        model: ModelId,
        /// The epoch that was tried.
        epoch: u64,
    },
    /// Desired state moved past what the decisions rest on: follow the feed
    /// and plan again.
    #[error("model {model} is at generation {generation}, the decisions rest on {seen}")]
    Stale {
        /// The model.
        model: ModelId,
        /// What the decisions rest on.
        seen: u64,
        /// What is so.
        generation: u64,
    },
    /// An `If-Match` that does not.
    #[error("model is at generation {actual}, not {expected}: read it again and repeat")]
    GenerationMismatch {
        /// What the caller named.
        expected: u64,
        /// What is so.
        actual: u64,
    },
    /// A name is taken.
    #[error("{what} already exists")]
    AlreadyExists {
        /// Such as `application "mysql"`.
        what: String,
    },
    /// There is no such thing.
    #[error("{what} not found")]
    NotFound {
        /// Such as `model 0198…`.
        what: String,
    },
    /// The content cannot be stored: retrying it is of no use.
    #[error("{what} cannot be stored: {why}")]
    Invalid {
        /// What it is.
        what: Cow<'static, str>,
        /// Why not, and what to do.
        why: String,
    },
    /// A limit was reached.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The limit, with its unit.
        limit: String,
    },
    /// A row does not say what it should.
    #[error("table {table} holds a {what} that cannot be read: {value}")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column, or what is in it.
        what: &'static str,
        /// The value, if it may be shown.
        value: String,
    },
    /// Something sealed cannot be opened, or the key is missing or wrong.
    #[error("{0}")]
    Key(#[from] crate::seal::SealError),
    /// The schema is not the one that this program needs.
    #[error("{0}")]
    Schema(String),
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Try again.
    Transient,
    /// Somebody else was first: read again, then decide.
    Conflict,
    /// The model belongs to another replica now.
    Fenced,
    /// There is no such thing.
    NotFound,
    /// The request is wrong.
    User,
    /// A commit may or may not have happened: read again.
    Unknown,
    /// Lazuli's mistake, or the operator's set-up.
    Bug,
}

impl StoreError {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Database { source, .. } => class_of(source),
            Self::OutcomeUnknown { .. } => Class::Unknown,
            Self::Fenced { .. } => Class::Fenced,
            Self::Stale { .. } | Self::GenerationMismatch { .. } | Self::AlreadyExists { .. } => {
                Class::Conflict
            }
            Self::NotFound { .. } => Class::NotFound,
            Self::Invalid { .. } | Self::TooLarge { .. } => Class::User,
            Self::Corrupt { .. } | Self::Key(_) | Self::Schema(_) => Class::Bug,
        }
    }
}

fn class_of(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Class::Transient,
        sqlx::Error::RowNotFound => Class::NotFound,
        sqlx::Error::Database(error) => match error.code().as_deref() {
            // Classes 08 (connection), 40 (rollback), 53 (resources), 57
            // (operator: shutdown, timeouts), and a lock that was not to be had.
            Some(code)
                if ["08", "40", "53", "57"].iter().any(|c| code.starts_with(c))
                    || code == "55P03" =>
            {
                Class::Transient
            }
            _ => Class::Bug,
        },
        _ => Class::Bug,
    }
}

/// Gives an error of Postgres its context; see also [`crate::limit::Doing`].
pub(crate) fn doing(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| {
        if let sqlx::Error::Database(error) = &source {
            let is_taken = matches!(
                error.kind(),
                ErrorKind::UniqueViolation | ErrorKind::ExclusionViolation
            );
            if is_taken && let Some(what) = taken(error.as_ref()) {
                return StoreError::AlreadyExists { what };
            }
            if error.kind() == ErrorKind::ForeignKeyViolation
                && let Some(what) = missing(error.as_ref())
            {
                return StoreError::NotFound { what };
            }
            // A NUL in a text: charms can make one with YAML's \0.
            if matches!(error.code().as_deref(), Some("22021" | "22P05")) {
                return StoreError::Invalid {
                    what: "a text with a NUL character".into(),
                    why: "Postgres has no place for it; remove the character".to_owned(),
                };
            }
        }
        StoreError::Database { doing, source }
    }
}

/// An error of `commit` itself: only an answer of Postgres that is no farewell
/// says that nothing was committed.
pub(crate) fn lost(source: sqlx::Error) -> StoreError {
    let refused = source
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| error.severity() == PgSeverity::Error);
    if refused {
        doing("commit")(source)
    } else {
        StoreError::OutcomeUnknown { source }
    }
}

/// What is taken, from the constraint's name and the last value of its key.
fn taken(error: &dyn DatabaseError) -> Option<String> {
    let noun = match error.constraint()? {
        "applications_name_key" => "application",
        "charms_url_key" => "charm",
        "machines_name_key" => "machine",
        "models_owner_name_key" => "model",
        "relations_number_key" => "relation",
        "units_name_key" => "unit",
        "users_name_key" => "user",
        "models_address_range_excl" => "address range",
        _ => return None,
    };
    Some(format!("{noun} \"{}\"", key(error)?))
}

/// What a row refers to and is not there.
fn missing(error: &dyn DatabaseError) -> Option<String> {
    let noun = match error.constraint()? {
        "data_keys_model_fkey" | "model_access_model_fkey" | "model_secrets_model_fkey" => "model",
        "model_access_user_id_fkey" | "tokens_user_id_fkey" => "user",
        _ => return None,
    };
    Some(format!("{noun} {}", key(error)?))
}

/// The last value of the key that a constraint is about, from a detail such
/// as `Key (model, name)=(0198…, mysql) already exists.`
fn key(error: &dyn DatabaseError) -> Option<&str> {
    let detail = error.try_downcast_ref::<PgDatabaseError>()?.detail()?;
    let values = detail.split_once(")=(")?.1.split_once(')')?.0;
    values.rsplit(", ").next()
}
