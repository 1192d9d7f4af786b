//! Errors: those that ARM's clients see, and those of running the simulator.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ids::ResourceId;

/// An error in ARM's shape: `{"error": {"code", "message", "target"?, "details"?}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct ArmError {
    /// The HTTP status of the answer.
    #[serde(default = "internal")]
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more: Option<Box<More>>,
}

/// The parts of an error that most do not have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct More {
    target: Option<String>,
    details: Vec<Value>,
    /// Headers of the answer beyond the usual ones.
    headers: Vec<(String, String)>,
}

const fn internal() -> u16 {
    500
}

impl ArmError {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
            more: None,
        }
    }

    pub(crate) fn target(mut self, target: &str) -> Self {
        self.more().target = Some(target.to_owned());
        self
    }

    pub(crate) fn detail(mut self, detail: Value) -> Self {
        self.more().details.push(detail);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.more().headers.push((name.to_owned(), value.into()));
        self
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// Headers of the answer beyond the usual ones.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        self.more.as_ref().map_or(&[], |more| &more.headers)
    }

    /// The object below `error`.
    pub(crate) fn object(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(more) = &self.more {
            if let Some(target) = &more.target {
                error["target"] = json!(target);
            }
            if !more.details.is_empty() {
                error["details"] = json!(more.details);
            }
        }
        error
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        json!({"error": self.object()})
    }

    /// A parameter that the resource provider does not accept.
    pub(crate) fn invalid(target: &str, message: impl Into<String>) -> Self {
        Self::new(400, "InvalidParameter", message).target(target)
    }

    /// A request whose body is not what it must be.
    pub(crate) fn content(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidRequestContent", message)
    }

    pub(crate) fn group_not_found(group: &str) -> Self {
        Self::new(
            404,
            "ResourceGroupNotFound",
            format!("Resource group '{group}' could not be found."),
        )
    }

    pub(crate) fn group_being_deleted(group: &str) -> Self {
        Self::new(
            409,
            "ResourceGroupBeingDeleted",
            format!(
                "The resource group '{group}' is in deprovisioning state and cannot perform this operation."
            ),
        )
    }

    pub(crate) fn not_found(id: &ResourceId) -> Self {
        match (&id.child, id.kind.parent()) {
            (Some(_), Some(_)) => Self::new(404, "NotFound", format!("Resource {id} not found.")),
            _ => Self::new(
                404,
                "ResourceNotFound",
                format!(
                    "The Resource '{}/{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
                    id.kind.type_name(),
                    id.name,
                    id.group
                ),
            ),
        }
    }

    /// The reference `missing` in the body of `from` leads nowhere.
    pub(crate) fn reference(missing: &str, from: &ResourceId) -> Self {
        Self::new(
            400,
            "InvalidResourceReference",
            format!(
                "Resource {missing} referenced by resource {from} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region."
            ),
        )
    }

    pub(crate) fn precondition(message: impl Into<String>) -> Self {
        Self::new(412, "PreconditionFailed", message)
    }

    pub(crate) fn method(method: &str) -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            format!("The requested resource does not support http method '{method}'."),
        )
    }
}

/// Why the simulator could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another instance holds the data directory.
    #[error(
        "{} is in use by another azure-sim; stop that one or choose another --data",
        .0.display()
    )]
    Locked(PathBuf),
    /// A file of the data directory could not be read or written.
    #[error("failed to {what} {}", .path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file of the data directory does not hold what it should.
    #[error("{} is damaged: {reason}; restore it, or start with a new --data", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A listener could not be opened.
    #[error("failed to listen on {address}")]
    Listen {
        /// The address wanted.
        address: std::net::SocketAddr,
        /// The system's word.
        source: std::io::Error,
    },
    /// Certificates could not be made or used.
    #[error("failed to set up TLS: {0}")]
    Tls(String),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// The machines behind the virtual machines failed.
    #[error("the fabric of guests failed")]
    Hosts(#[from] crate::hosts::HostsError),
}

impl Error {
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}
