//! `version`.

use std::sync::LazyLock;

use lazuli_model::document::JUJU_VERSION;
use serde_json::json;

use crate::error::Result;
use crate::output::{OutputArgs, Structured};
use crate::session::Session;

/// Print the version of Juju that is spoken, and of this program
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print all version information
    #[arg(long)]
    all: bool,
    /// Specify output format
    #[arg(long, value_enum, default_value = "smart")]
    format: Format,
    #[command(flatten)]
    to: OutputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Smart,
    Yaml,
    Json,
}

impl Args {
    pub(crate) async fn run(self, _session: &Session) -> Result<()> {
        let format = match self.format {
            Format::Smart if !self.all => {
                return self.to.print(&format!("{}\n", version_text()));
            }
            Format::Smart | Format::Yaml => Structured::Yaml,
            Format::Json => Structured::Json,
        };
        let document = match self.all {
            true => json!({
                "version": version_text(),
                "git-commit": "",
                "git-tree-state": "",
                "compiler": "rustc",
                "official": false,
                "grade": "",
                "lazuli": env!("CARGO_PKG_VERSION"),
            }),
            false => json!(version_text()),
        };
        self.to.print(&format.text(&document)?)
    }
}

/// The version in Juju's form.
pub(crate) fn version_text() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "powerpc64" => "ppc64el",
            other => other,
        };
        format!("{JUJU_VERSION}-genericlinux-{arch}")
    });
    &TEXT
}
