//! What else the machine is doing: figures taken beside other work are not
//! worth much.

use std::time::Duration;

use anyhow::Context as _;

/// How long it is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// The share of the processors' time, from 0 to 1, that is in use.
///
/// # Errors
/// When the system does not say.
pub(crate) async fn share() -> anyhow::Result<f64> {
    let before = read()?;
    tokio::time::sleep(LOOK).await;
    Ok(between(before, read()?))
}

/// Ticks in use and ticks in all since boot.
fn read() -> anyhow::Result<(f64, f64)> {
    let text = std::fs::read_to_string("/proc/stat").context("failed to read /proc/stat")?;
    parse(&text).context("failed to understand /proc/stat")
}

fn parse(text: &str) -> Option<(f64, f64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = line
        .split_whitespace()
        .map_while(|field| field.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal; guests are in user.
    let all: f64 = ticks.get(..8)?.iter().sum();
    let idle = ticks[3] + ticks[4];
    Some((all - idle, all))
}

fn between(before: (f64, f64), after: (f64, f64)) -> f64 {
    (after.0 - before.0) / (after.1 - before.1).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_in_use() {
        let before = parse("cpu  10 0 10 70 10 0 0 0 0 0\ncpu0 1\n").unwrap();
        let after = parse("cpu  20 0 20 130 10 0 0 20 5 0\n").unwrap();
        assert_eq!(between(before, after), 0.4);
        assert_eq!(parse("intr 1"), None);
    }
}
