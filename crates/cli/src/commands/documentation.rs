//! `documentation`.

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::error::Result;
use crate::output::OutputArgs;
use crate::render::documentation::reference;
use crate::session::Session;

/// Write the reference of all commands, as Markdown
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    to: OutputArgs,
}

impl Args {
    pub(crate) async fn run(self, _: &Session) -> Result<()> {
        let mut program = Cli::command();
        // Gives arguments the names of their values.
        program.build();
        self.to.print(&reference(&program))
    }
}
