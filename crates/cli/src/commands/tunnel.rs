//! `tunnel`: what OpenSSH runs to reach a machine.

use tokio::io::{AsyncWriteExt as _, copy, split, stdin, stdout};

use crate::error::{Error, Result};
use crate::openssh::machine_of;
use crate::session::Session;

/// Connect stdin and stdout to port 22 of a machine, through the controller
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A machine, a unit, or the name by which OpenSSH knows a machine
    target: String,
}

impl Args {
    pub(crate) async fn run(self, session: &Session) -> Result<()> {
        let at = session.at_model()?;
        let machine = machine_of(&at, &self.target).await?;
        let tunnel = at.client.tunnel(&machine).await?;
        let (mut from, mut to) = split(tunnel);
        let outward = async {
            copy(&mut stdin(), &mut to).await?;
            to.shutdown().await
        };
        let inward = async {
            let mut stdout = stdout();
            copy(&mut from, &mut stdout).await?;
            stdout.flush().await
        };
        tokio::pin!(outward, inward);
        let failed = || Error::io("carry the connection");
        // The end of stdin does not end what the machine still says; the end
        // of the machine's side ends all.
        tokio::select! {
            done = &mut inward => done.map_err(failed()),
            done = &mut outward => {
                done.map_err(failed())?;
                inward.await.map_err(failed())
            }
        }
    }
}
