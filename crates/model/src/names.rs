//! Names of things, validated where they are made.
//!
//! The grammars are Juju's, since charms, bundles and scripts carry such names. All are ASCII, at most
//! [`MAX_LENGTH`] bytes, order naturally (`app/2` before `app/10`), are cheap to clone, and serialise as strings;
//! reading one validates it.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::text::{excerpt, natural_cmp, serde_as_text};

/// The longest name that is accepted, in bytes. Juju has no such bound.
pub const MAX_LENGTH: usize = 255;

/// A text that is not a name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid {kind} {given:?}: {rule}")]
pub struct NameError {
    kind: &'static str,
    given: String,
    rule: &'static str,
}

impl NameError {
    fn new(kind: &'static str, given: &str, rule: &'static str) -> Self {
        Self {
            kind,
            given: excerpt(given),
            rule,
        }
    }

    /// What was expected, in words: `unit name`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What was given (shortened where it was long).
    pub fn given(&self) -> &str {
        &self.given
    }

    /// Juju's words alone, without the rule: `invalid unit name "x"`.
    pub fn brief(&self) -> String {
        format!("invalid {} {:?}", self.kind, self.given)
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr, $rule:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let check: fn(&str) -> bool = $check;
                if text.len() <= MAX_LENGTH && check(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(NameError::new($kind, text, $rule))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                natural_cmp(&self.0, &other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        serde_as_text!($name);
    )+};
}

names! {
    /// The name of an action, as in `actions.yaml` and on `run`.
    ActionName, "action name", is_action,
        "must be lower-case letters, digits and inner hyphens, and not juju or juju-*";
    /// The name of an application in a model.
    ApplicationName, "application name", is_application,
        "must begin with a lower-case letter and be lower-case letters, digits and single hyphens, each part with a letter";
    /// The name that a charm's metadata gives it.
    CharmName, "charm name", is_application,
        "must begin with a lower-case letter and be lower-case letters, digits and single hyphens, each part with a letter";
    /// The name of an endpoint (a charm's side of a relation), or of an extra binding.
    EndpointName, "endpoint name", is_endpoint,
        "must begin with a lower-case letter and be lower-case letters, digits, inner hyphens and underscores";
    /// The name of a machine: `0`, or `3/lxd/1` for a container in machine 3 (which cannot be placed upon here).
    MachineName, "machine id", is_machine,
        "must be a number, or a number followed by /type/number for a container";
    /// The name of a model, without its owner.
    ModelName, "model name", is_model,
        "must be lower-case letters, digits and hyphens, and must not begin with a hyphen";
    /// The name of a network space.
    SpaceName, "space name", is_space,
        "must be lower-case letters, digits and single inner hyphens";
    /// The name of a store in a charm's metadata.
    StorageName, "storage name", is_application,
        "must begin with a lower-case letter and be lower-case letters, digits and single hyphens, each part with a letter";
    /// The name of a user, with an optional `@domain` (none means local).
    UserName, "user name", is_user,
        "must be letters, digits and inner . + -, with an optional @domain of the same form";
}

impl MachineName {
    /// The machine with this number.
    pub fn numbered(number: u32) -> Self {
        Self(Arc::from(number.to_string()))
    }

    /// Whether it names a container in a machine (`3/lxd/1`).
    pub fn is_container(&self) -> bool {
        self.0.contains('/')
    }
}

macro_rules! pairs {
    ($($(#[$doc:meta])* $name:ident { $first:ident: $of:ident, number: u32 } $kind:literal $sep:literal $rule:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            $first: $of,
            number: u32,
        }

        impl $name {
            /// Joins the two parts.
            pub fn new($first: $of, number: u32) -> Self {
                Self { $first, number }
            }

            /// The part before the number.
            pub fn $first(&self) -> &$of {
                &self.$first
            }

            /// The number.
            pub fn number(&self) -> u32 {
                self.number
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                text.rsplit_once($sep)
                    .and_then(|(first, number)| Some(Self::new(first.parse().ok()?, parse_number(number)?)))
                    .ok_or_else(|| NameError::new($kind, text, $rule))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&format!("{}{}{}", self.$first, $sep, self.number))
            }
        }

        serde_as_text!($name);
    )+};
}

pairs! {
    /// A relation as hooks see it: this side's endpoint and the relation's number in the model, `db:1`.
    RelationRef { endpoint: EndpointName, number: u32 } "relation id" ':'
        "must be an endpoint, a colon and a number, such as db:1";
    /// A storage instance: `data/0`. Numbers count over the whole model.
    StorageId { storage: StorageName, number: u32 } "storage ID" '/'
        "must be a storage name, a slash and a number, such as data/0";
    /// The name of a unit: `app/0`. A number is never used again within the application's life.
    UnitName { application: ApplicationName, number: u32 } "unit name" '/'
        "must be an application, a slash and a number without leading zeros, such as app/0";
}

/// The number in a `RELATION` argument of a hook tool: `db:1` or `1` (what stands before the last colon is not checked).
pub fn relation_number(text: &str) -> Result<u32, NameError> {
    let number = text.rsplit_once(':').map_or(text, |(_, number)| number);
    parse_number(number).ok_or_else(|| {
        NameError::new(
            "relation id",
            text,
            "must be a number, or an endpoint, a colon and a number",
        )
    })
}

/// One end of a relation: an application's endpoint, `app:db`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationEnd {
    /// The application.
    pub application: ApplicationName,
    /// Its endpoint.
    pub endpoint: EndpointName,
}

impl FromStr for RelationEnd {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let rule = "must be an application, a colon and an endpoint, such as app:db";
        text.split_once(':')
            .and_then(|(application, endpoint)| {
                Some(Self {
                    application: application.parse().ok()?,
                    endpoint: endpoint.parse().ok()?,
                })
            })
            .ok_or_else(|| NameError::new("relation endpoint", text, rule))
    }
}

impl fmt::Display for RelationEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.application, self.endpoint)
    }
}

/// What a relation joins: `app1:ep1 app2:ep2` (the requirer first), or one end for a peer relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelationKey {
    /// The units of one application.
    Peer(RelationEnd),
    /// Two ends.
    Pair {
        /// The end that requires.
        requirer: RelationEnd,
        /// The end that provides.
        provider: RelationEnd,
    },
}

impl RelationKey {
    /// The ends, the requirer first.
    pub fn ends(&self) -> impl Iterator<Item = &RelationEnd> {
        match self {
            Self::Peer(end) => [Some(end), None],
            Self::Pair { requirer, provider } => [Some(requirer), Some(provider)],
        }
        .into_iter()
        .flatten()
    }
}

impl FromStr for RelationKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once(' ') {
            None => Ok(Self::Peer(text.parse()?)),
            Some((requirer, provider)) => Ok(Self::Pair {
                requirer: requirer.parse()?,
                provider: provider.parse()?,
            }),
        }
    }
}

impl fmt::Display for RelationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(end) => write!(f, "{end}"),
            Self::Pair { requirer, provider } => write!(f, "{requirer} {provider}"),
        }
    }
}

serde_as_text!(RelationEnd, RelationKey);

/// A number as Juju writes it in names: no sign, no leading zeros.
fn parse_number(text: &str) -> Option<u32> {
    let plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

fn is_lower(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_action(text: &str) -> bool {
    let ends =
        text.bytes().next().is_some_and(is_lower) && text.bytes().last().is_some_and(is_lower);
    ends && text.bytes().all(|byte| is_lower(byte) || byte == b'-')
        && text != "juju"
        && !text.starts_with("juju-")
}

fn is_application(text: &str) -> bool {
    let part = |part: &str| {
        part.bytes().all(is_lower) && part.bytes().any(|byte| byte.is_ascii_lowercase())
    };
    text.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase())
        && text.split('-').all(part)
}

fn is_endpoint(text: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part.bytes().all(is_lower);
    text.bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase())
        && text.split(['-', '_']).all(part)
}

fn is_machine(text: &str) -> bool {
    let mut parts = text.split('/');
    if parts.next().and_then(parse_number).is_none() {
        return false;
    }
    while let Some(kind) = parts.next() {
        let named = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        if !named || parts.next().and_then(parse_number).is_none() {
            return false;
        }
    }
    true
}

fn is_model(text: &str) -> bool {
    text.bytes().next().is_some_and(is_lower)
        && text.bytes().all(|byte| is_lower(byte) || byte == b'-')
}

fn is_space(text: &str) -> bool {
    text.split('-')
        .all(|part| !part.is_empty() && part.bytes().all(is_lower))
}

fn is_user(text: &str) -> bool {
    let part = |part: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b".+-".contains(&byte);
        let end = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        end(part.bytes().next()) && end(part.bytes().last()) && part.bytes().all(inner)
    };
    match text.split_once('@') {
        None => part(text),
        Some((name, domain)) => part(name) && part(domain),
    }
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;
