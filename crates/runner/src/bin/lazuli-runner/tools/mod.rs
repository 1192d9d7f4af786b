//! The hook tools: one file each (or for one family), each a pure function of
//! what the hook may see and the arguments.
//!
//! A tool that lacks something says so ([`Stop::Need`], [`Stop::Ask`]) and is
//! called again when it is there; its effects are carried out by the caller
//! only when it is [`Step::Done`].

mod action;
mod config;
mod context;
mod credential;
mod goal_state;
mod help;
mod leader;
mod log;
mod network;
mod obsolete;
mod ports;
mod reboot;
mod relation;
mod relation_get;
mod relation_set;
mod resource;
mod secret;
mod secret_data;
mod secret_read;
mod secret_share;
mod session;
mod state;
mod status;
mod storage;
#[cfg(test)]
mod testing;
mod version;

use lazuli_runner::frames::{Question, Write};

use crate::flags::{self, Flag, Parsed, Takes};
use crate::format::{Doc, Format};

pub(crate) use context::{GUARANTEE, Input, Leadership, ToolContext};
pub(crate) use session::{Reboot, Session};
pub(crate) use storage::kind as storage_kind;

/// A hook tool.
#[derive(Debug)]
pub(crate) struct Tool {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Its positionals, for `--help`.
    args: &'static str,
    /// What it does, for `--help`.
    purpose: &'static str,
    /// Its own flags.
    flags: &'static [Flag],
    /// How it prints unless told; none when it prints nothing formatted.
    format: Option<Format>,
    /// What it does.
    run: fn(&ToolContext<'_>, &Call) -> Result<Done, Stop>,
}

/// The arguments of one call.
#[derive(Debug)]
struct Call {
    parsed: Parsed,
    format: Format,
}

/// Why a tool did not do what it was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stop {
    /// The arguments are wrong: exit 2.
    Usage(String),
    /// It cannot be done: exit 1.
    Failed(String),
    /// A file (by path), or standard input, has to be read first.
    Need(Option<String>),
    /// The controller has to be asked first.
    Ask(Question),
}

/// What a tool did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// What it prints.
    output: Option<Doc>,
    /// What it prints as it is.
    raw: String,
    /// What it prints to standard error although it succeeded.
    warning: Option<String>,
    /// What it writes.
    writes: Vec<Write>,
    /// Lines for the log: level and message.
    logs: Vec<(&'static str, String)>,
}

impl Done {
    fn print(doc: Doc) -> Self {
        Self {
            output: Some(doc),
            ..Self::default()
        }
    }

    fn write(write: Write) -> Self {
        Self {
            writes: vec![write],
            ..Self::default()
        }
    }
}

/// What has to be done for a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Answer the tool's process, after the effects were carried out.
    Done(Answer),
    /// Read this first and call again.
    Need(Option<String>),
    /// Ask this first and call again.
    Ask(Question),
}

/// What the tool's process does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Exit code.
    pub(crate) code: u8,
    /// For standard output, or for `file`.
    pub(crate) stdout: String,
    /// For standard error.
    pub(crate) stderr: String,
    /// Where the output goes instead of standard output.
    pub(crate) file: Option<String>,
    /// What it writes; empty unless the code is 0.
    pub(crate) writes: Vec<Write>,
    /// Lines for the log: level and message.
    pub(crate) logs: Vec<(&'static str, String)>,
}

impl Answer {
    /// An error with an exit code.
    pub(crate) fn error(code: u8, text: &str) -> Self {
        Self {
            code,
            stderr: format!("ERROR {text}\n"),
            ..Self::default()
        }
    }
}

/// All tools.
pub(crate) static TOOLS: &[&Tool] = &[
    &action::ACTION_FAIL,
    &action::ACTION_GET,
    &action::ACTION_LOG,
    &action::ACTION_SET,
    &config::CONFIG_GET,
    &credential::CREDENTIAL_GET,
    &leader::IS_LEADER,
    &leader::LEADER_GET,
    &leader::LEADER_SET,
    &log::JUJU_LOG,
    &network::NETWORK_GET,
    &network::UNIT_GET,
    &ports::CLOSE_PORT,
    &ports::OPEN_PORT,
    &ports::OPENED_PORTS,
    &relation::RELATION_IDS,
    &relation::RELATION_LIST,
    &relation::RELATION_MODEL_GET,
    &relation_get::RELATION_GET,
    &relation_set::RELATION_SET,
    &resource::RESOURCE_GET,
    &secret::SECRET_ADD,
    &secret_read::SECRET_GET,
    &secret_share::SECRET_GRANT,
    &secret_read::SECRET_IDS,
    &secret_read::SECRET_INFO_GET,
    &secret::SECRET_REMOVE,
    &secret_share::SECRET_REVOKE,
    &secret::SECRET_SET,
    &status::STATUS_GET,
    &status::STATUS_SET,
    &storage::STORAGE_ADD,
    &storage::STORAGE_GET,
    &storage::STORAGE_LIST,
    &version::APPLICATION_VERSION_SET,
    &goal_state::GOAL_STATE,
    &obsolete::ADD_METRIC,
    &obsolete::K8S_RAW_GET,
    &obsolete::K8S_RAW_SET,
    &obsolete::K8S_SPEC_GET,
    &obsolete::K8S_SPEC_SET,
    &obsolete::PAYLOAD_REGISTER,
    &obsolete::PAYLOAD_STATUS_SET,
    &obsolete::PAYLOAD_UNREGISTER,
    &obsolete::POD_SPEC_GET,
    &obsolete::POD_SPEC_SET,
    &reboot::JUJU_REBOOT,
    &state::STATE_DELETE,
    &state::STATE_GET,
    &state::STATE_SET,
];

/// The tool of this name.
pub(crate) fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name).copied()
}

static FORMAT_FLAGS: [Flag; 2] = [
    Flag {
        names: &["format"],
        takes: Takes::Value,
        help: "Specify output format (json|smart|yaml)",
    },
    Flag {
        names: &["output", "o"],
        takes: Takes::Value,
        help: "Specify an output file",
    },
];

/// Calls a tool.
pub(crate) fn call(ctx: &ToolContext<'_>, tool: &Tool, args: &[String]) -> Step {
    let flag = |name: &str| {
        let formats = FORMAT_FLAGS.iter().filter(|_| tool.format.is_some());
        tool.flags
            .iter()
            .chain(formats)
            .find(|flag| flag.names.contains(&name))
    };
    let parsed = match flags::parse(flag, args) {
        Ok(parsed) => parsed,
        Err(text) => return Step::Done(Answer::error(2, &text)),
    };
    if parsed.help {
        return Step::Done(Answer {
            stdout: help::text(ctx, tool),
            ..Answer::default()
        });
    }
    let format = match parsed.value("format") {
        Some(name) if tool.format.is_some() => match Format::named(name) {
            Some(format) => format,
            None => {
                let text =
                    format!("invalid value {name:?} for option --format: unknown format {name:?}");
                return Step::Done(Answer::error(2, &text));
            }
        },
        _ => tool.format.unwrap_or(Format::Smart),
    };
    let call = Call { parsed, format };
    match (tool.run)(ctx, &call) {
        Ok(done) if done.writes.iter().any(has_zero_byte) => {
            let text = format!(
                "{}: a value holds a zero byte, which cannot be stored: remove it, or encode the \
                 value (base64)",
                tool.name
            );
            Step::Done(Answer::error(1, &text))
        }
        Ok(done) => Step::Done(Answer {
            code: 0,
            stdout: done.output.map_or(done.raw, |doc| format.print(&doc)),
            stderr: done.warning.unwrap_or_default(),
            file: call
                .parsed
                .value("output")
                .filter(|file| !file.is_empty())
                .map(str::to_owned),
            writes: done.writes,
            logs: done.logs,
        }),
        Err(Stop::Usage(text)) => Step::Done(Answer::error(2, &text)),
        Err(Stop::Failed(text)) => Step::Done(Answer::error(1, &text)),
        Err(Stop::Need(what)) => Step::Need(what),
        Err(Stop::Ask(question)) => Step::Ask(question),
    }
}

/// Whether a text of it holds a zero byte: no text of the database may.
fn has_zero_byte(write: &Write) -> bool {
    let bad = |text: &str| text.contains('\0');
    match write {
        Write::RelationSet { settings, .. }
        | Write::LeaderSet { settings }
        | Write::State { state: settings } => settings
            .iter()
            .any(|(key, value)| bad(key) || value.as_deref().is_some_and(bad)),
        Write::Status {
            status, message, ..
        } => bad(status) || bad(message),
        Write::WorkloadVersion { version } => bad(version),
        Write::ActionSet { value: text, .. }
        | Write::ActionLog { message: text }
        | Write::ActionFail { message: text } => bad(text),
        Write::Reboot { .. } => false,
        Write::StorageAdd { store, .. } => bad(store),
        Write::OpenPort { endpoint, .. } | Write::ClosePort { endpoint, .. } => bad(endpoint),
        Write::Secret { write } => write.fields().is_some_and(|fields| {
            [&fields.label, &fields.description]
                .into_iter()
                .flatten()
                .any(|text| bad(text))
        }),
    }
}

impl Call {
    /// Refuses positionals from an index on.
    fn no_more_than(&self, count: usize) -> Result<(), Stop> {
        match self.parsed.positionals.get(count..) {
            Some(extra) if !extra.is_empty() => {
                let quoted: Vec<String> = extra.iter().map(|arg| format!("{arg:?}")).collect();
                Err(Stop::Usage(format!(
                    "unrecognized args: [{}]",
                    quoted.join(" ")
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Parses `key=value` arguments (reference juju, 3.0).
fn key_values(args: &[String]) -> Result<Vec<(String, String)>, Stop> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for arg in args.iter().filter(|arg| !arg.is_empty()) {
        let pair = arg
            .split_once('=')
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .filter(|(key, _)| !key.is_empty());
        let Some((key, value)) = pair else {
            return Err(Stop::Usage(format!("expected \"key=value\", got {arg:?}")));
        };
        if pairs.iter().any(|(known, _)| *known == key) {
            return Err(Stop::Usage(format!("key {key:?} specified more than once")));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::Input;
    use super::testing::Fixture;

    /// A zero byte cannot come as an argument: it comes in a file.
    #[test]
    fn zero_bytes_are_refused() {
        let mut fixture = Fixture::new("a/0").in_relation_hook().leader();
        let refused = |tool: &str| {
            format!(
                "{tool}: a value holds a zero byte, which cannot be stored: remove it, or encode \
                 the value (base64)"
            )
        };
        for text in [r#"{"a":"x\u0000y"}"#, r#"{"x\u0000":"y"}"#] {
            fixture.input = Some(Input {
                text: Ok(text.to_owned()),
            });
            fixture.fails("relation-set --file -", 1, &refused("relation-set"));
        }
        for args in [
            ["leader-set", "a=b", "c=d\0"],
            ["status-set", "active", "a\0b"],
            ["application-version-set", "--", "1\0"],
        ] {
            fixture.fails_args(&args, 1, &refused(args[0]));
        }
    }
}
