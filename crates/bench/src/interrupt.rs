//! Ending early.

use anyhow::bail;
use tokio::signal::unix::{SignalKind, signal};

/// Fails at SIGINT or SIGTERM, so that what is dropped ends its children.
///
/// # Errors
/// Always.
pub(crate) async fn wait() -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    bail!("interrupted")
}
