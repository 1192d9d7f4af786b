//! Constraints: as on a command line, or as a document.

use lazuli_model::constraints::Constraints;

use crate::error::{Error, Result};
use crate::output::Structured;

/// The formats of `constraints` and `model-constraints`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// As on a command line.
    Constraints,
    /// YAML.
    Yaml,
    /// JSON in one line.
    Json,
}

/// Constraints in a format.
pub(crate) fn text(constraints: &str, format: Format) -> Result<String> {
    let structured = match format {
        Format::Constraints if constraints.is_empty() => return Ok(String::new()),
        Format::Constraints => return Ok(format!("{constraints}\n")),
        Format::Yaml => Structured::Yaml,
        Format::Json => Structured::Json,
    };
    let parsed: Constraints = constraints
        .parse()
        .map_err(|error| Error::user(format!("the server sent {constraints:?}: {error}")))?;
    structured.text(&parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_count_in_mib() {
        let json = text("cores=2 mem=1024M", Format::Json).unwrap();
        assert_eq!(json, "{\"cores\":2,\"mem\":1024}\n");
        assert_eq!(text("", Format::Json).unwrap(), "{}\n");
        assert_eq!(text("", Format::Constraints).unwrap(), "");
        assert_eq!(text("mem=1G", Format::Constraints).unwrap(), "mem=1G\n");
    }
}
