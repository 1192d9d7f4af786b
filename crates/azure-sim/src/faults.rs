//! Injected faults and the journal of requests.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::error::ArmError;
use crate::operation::Bend;

/// Faults at one time.
const MAX_FAULTS: usize = 1_000;
/// Requests that the journal holds.
const JOURNAL: usize = 50_000;

/// Whether a fault comes before the request's effects or after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    #[default]
    Before,
    After,
}

/// An error to end an operation with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    code: String,
    #[serde(default)]
    message: String,
    /// Whether the work is done nevertheless.
    #[serde(default)]
    effect: bool,
}

/// What a fault does. Several may be given at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Action {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub(crate) headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) drop: bool,
    #[serde(default)]
    pub(crate) delay_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fail_operation: Option<Failure>,
    #[serde(default)]
    pub(crate) hang_operation: bool,
}

impl Action {
    /// The answer that takes the place of the real one.
    pub(crate) fn error(&self) -> Option<ArmError> {
        let status = self.status?;
        let code = self.code.clone().unwrap_or_else(|| match status {
            429 => "TooManyRequests".to_owned(),
            409 => "Conflict".to_owned(),
            503 => "ServiceUnavailable".to_owned(),
            504 => "GatewayTimeout".to_owned(),
            _ => "InternalServerError".to_owned(),
        });
        let message = self
            .message
            .clone()
            .unwrap_or_else(|| "An injected fault.".to_owned());
        let mut error = ArmError::new(status, &code, message);
        for (name, value) in &self.headers {
            error = error.header(name, value);
        }
        Some(error)
    }

    /// How it bends the operation that the request begins.
    pub(crate) fn bend(&self) -> Option<Bend> {
        if !self.hang_operation && self.fail_operation.is_none() {
            return None;
        }
        Some(Bend {
            hang: self.hang_operation,
            fail: self
                .fail_operation
                .as_ref()
                .map(|failure| ArmError::new(409, &failure.code, failure.message.clone())),
            effect: self
                .fail_operation
                .as_ref()
                .is_some_and(|failure| failure.effect),
        })
    }
}

/// A fault as it is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    /// Any method if absent.
    #[serde(default)]
    method: Option<String>,
    /// A glob over the path: `*` stands for anything.
    path: String,
    /// How often; for ever if absent.
    #[serde(default)]
    count: Option<u64>,
    /// How many matching requests pass first.
    #[serde(default)]
    skip: u64,
    #[serde(default)]
    pub(crate) when: When,
    pub(crate) action: Action,
}

/// A fault at work.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Active {
    pub(crate) id: u64,
    /// Matching requests so far, those skipped included.
    seen: u64,
    /// How often it struck.
    hits: u64,
    #[serde(flatten)]
    pub(crate) fault: Fault,
}

/// All faults.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    next: u64,
    active: Vec<Active>,
}

impl Faults {
    /// Adds one; `None` if there are too many.
    pub(crate) fn add(&mut self, fault: Fault) -> Option<u64> {
        if self.active.len() >= MAX_FAULTS {
            return None;
        }
        self.next += 1;
        self.active.push(Active {
            id: self.next,
            seen: 0,
            hits: 0,
            fault,
        });
        Some(self.next)
    }

    pub(crate) fn list(&self) -> &[Active] {
        &self.active
    }

    /// Removes one, or all.
    pub(crate) fn clear(&mut self, id: Option<u64>) {
        self.active
            .retain(|active| id.is_some_and(|id| active.id != id));
    }

    /// The first fault that strikes a request.
    pub(crate) fn strike(&mut self, method: &str, path: &str) -> Option<Active> {
        for active in &mut self.active {
            let fault = &active.fault;
            let matches = fault
                .method
                .as_ref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && glob(&fault.path, path);
            let spent = fault.count.is_some_and(|count| active.hits >= count);
            if !matches || spent {
                continue;
            }
            active.seen += 1;
            if active.seen > fault.skip {
                active.hits += 1;
                return Some(active.clone());
            }
        }
        None
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for anything. Without
/// case.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let text = text.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// One request as it was answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub(crate) n: u64,
    pub(crate) at_ms: i64,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// 0 if the connection was dropped instead.
    pub(crate) status: u16,
    pub(crate) principal: Option<String>,
    pub(crate) client_request_id: Option<String>,
    pub(crate) fault: Option<u64>,
    pub(crate) ms: u64,
}

/// The last requests.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    next: u64,
    entries: VecDeque<Entry>,
}

impl Journal {
    pub(crate) fn add(&mut self, mut entry: Entry) {
        self.next += 1;
        entry.n = self.next;
        if self.entries.len() >= JOURNAL {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Entries after `since`, and the number of the last one looked at.
    pub(crate) fn since(
        &self,
        since: u64,
        method: Option<&str>,
        path: Option<&str>,
        limit: usize,
    ) -> (u64, Vec<&Entry>) {
        let found: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| entry.n > since)
            .filter(|entry| method.is_none_or(|method| entry.method.eq_ignore_ascii_case(method)))
            .filter(|entry| path.is_none_or(|path| glob(path, &entry.path)))
            .take(limit)
            .collect();
        let next = match found.last() {
            Some(last) if found.len() == limit => last.n,
            _ => self.next,
        };
        (next, found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "/a", true),
            ("/a", "/A", true),
            ("/a", "/ab", false),
            ("*/vms/*", "/x/VMs/m1", true),
            ("*/vms/m-3*", "/x/vms/m-31", true),
            ("*a*b", "/ab-a", false),
            ("/a*a", "/a", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_fault_skips_then_strikes_so_often() {
        let mut faults = Faults::default();
        let fault = serde_json::from_value(json!({
            "method": "PUT", "path": "*", "skip": 1, "count": 1, "action": {"status": 503}
        }))
        .unwrap();
        faults.add(fault);
        let strikes: Vec<bool> = (0..4)
            .map(|_| faults.strike("put", "/x").is_some())
            .collect();
        assert_eq!(strikes, [false, true, false, false]);
        assert!(faults.strike("GET", "/x").is_none());
    }
}
