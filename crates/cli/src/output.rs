//! Data: JSON as Go writes it, YAML, and where it goes.

use std::io::{self, Write as _};
use std::path::PathBuf;

use lazuli_model::yaml;
use serde::Serialize;

use crate::error::{Error, Result};

/// The formats of what is always structured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Structured {
    /// YAML.
    Yaml,
    /// JSON in one line.
    Json,
}

/// The formats of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Listing {
    /// A table for people.
    Tabular,
    /// YAML.
    Yaml,
    /// JSON in one line.
    Json,
}

/// `--format` and `--output` of commands that show something.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Specify output format
    #[arg(long, value_enum, default_value = "yaml")]
    pub(crate) format: Structured,
    #[command(flatten)]
    pub(crate) to: OutputArgs,
}

/// `--format` and `--output` of commands that list something.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Specify output format
    #[arg(long, value_enum, default_value = "tabular")]
    pub(crate) format: Listing,
    #[command(flatten)]
    pub(crate) to: OutputArgs,
}

/// `--output`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct OutputArgs {
    /// Specify an output file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Listing {
    /// The structured format, if it is one.
    pub(crate) fn structured(self) -> Option<Structured> {
        match self {
            Self::Tabular => None,
            Self::Yaml => Some(Structured::Yaml),
            Self::Json => Some(Structured::Json),
        }
    }
}

impl Structured {
    /// Anything in this format, with a newline at the end.
    pub(crate) fn text(self, value: &impl Serialize) -> Result<String> {
        let internal = |error: String| Error::Internal(format!("cannot write a document: {error}"));
        match self {
            Self::Json => serde_json::to_string(value)
                .map(|text| go_json(&text))
                .map_err(|error| internal(error.to_string())),
            Self::Yaml => yaml::write(value).map_err(|error| internal(error.to_string())),
        }
    }
}

impl ShowArgs {
    /// Prints a document.
    pub(crate) fn print(&self, value: &impl Serialize) -> Result<()> {
        self.to.print(&self.format.text(value)?)
    }
}

impl OutputArgs {
    /// Prints text to the file that was named, else to stdout.
    pub(crate) fn print(&self, text: &str) -> Result<()> {
        match &self.output {
            Some(path) => {
                std::fs::write(path, text).map_err(Error::io(format!("write {}", path.display())))
            }
            None => print(text),
        }
    }
}

/// Prints to stdout. That nobody reads it any more is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Error::Passed(0)),
        other => other.map_err(Error::io("write to stdout")),
    }
}

/// Escapes what Go's encoder does, which only ever stands in strings.
fn go_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    for one in text.chars() {
        match one {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_gos() {
        let text = Structured::Json.text(&json!({"a": "<b> & c"})).unwrap();
        assert_eq!(text, "{\"a\":\"\\u003cb\\u003e \\u0026 c\"}\n");
    }

    #[test]
    fn yaml_ends_in_a_newline() {
        assert_eq!(Structured::Yaml.text(&json!({"a": 1})).unwrap(), "a: 1\n");
    }
}
