//! Upkeep of the database: what is too old goes, partitions are made ahead.
//! All replicas do it; whoever comes second finds nothing to do.

use std::time::Duration;

use anyhow::Context;
use lazuli_store::Options;
use lazuli_store::retention::{self, Retention};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// The first time, at most: sooner for some, so that replicas that start
/// together do not meet.
pub(crate) const SOON: Duration = Duration::from_secs(120);
/// From one time to the next, on average.
const HOUR: Duration = Duration::from_secs(3600);
/// A statement may take longer than one that somebody waits for.
const STATEMENT: Duration = Duration::from_secs(600);
/// All of it.
const WHOLE: Duration = Duration::from_secs(1800);

/// Sees to the database until `stop`, from a moment within `soon` on.
pub(crate) async fn run(database: Options, soon: Duration, stop: CancellationToken) {
    let work = async {
        sleep(soon.mul_f64(rand::random())).await;
        loop {
            match timeout(WHOLE, once(&database)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(
                        "the database's upkeep failed; it is tried again in an hour: {error:#}"
                    );
                }
                Err(_) => {
                    tracing::warn!("the database's upkeep took too long; it goes on in an hour");
                }
            }
            sleep(HOUR.mul_f64(0.9 + 0.2 * rand::random::<f64>())).await;
        }
    };
    stop.run_until_cancelled(work).await;
}

async fn once(database: &Options) -> anyhow::Result<()> {
    let options = Options {
        max_connections: 1,
        statement_timeout: STATEMENT,
        ..database.clone()
    };
    let pool = lazuli_store::connect(&options).await?;
    let done = retention::maintain(&pool, &Retention::default()).await;
    pool.close().await;
    let done = done.context("failed to remove what is too old")?;
    if !done.dropped.is_empty() || done.deleted > 0 {
        tracing::info!(
            partitions = done.dropped.len(),
            rows = done.deleted,
            "removed what is too old"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lazuli_model::id::{GenericUuid, ModelId};
    use lazuli_store::logs::{self, Level, LogCursor, LogFilter, LogLine};
    use lazuli_store::private::Scratch;
    use time::OffsetDateTime;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn what_is_too_old_goes_by_itself() {
        let scratch = Scratch::new().await.unwrap();
        let pool = scratch.pool().await.unwrap();
        let model = ModelId::from_untyped_uuid(uuid::Uuid::nil());
        let line = |at| LogLine {
            model,
            at,
            entity: "unit-mysql-0".to_owned(),
            level: Level::Info,
            module: "m".to_owned(),
            message: String::new(),
        };
        let now = OffsetDateTime::now_utc();
        let lines = [line(OffsetDateTime::UNIX_EPOCH), line(now)];
        logs::append(&pool, &lines).await.unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(
            Options::new(&scratch.url()),
            Duration::ZERO,
            stop.clone(),
        ));
        let begun = Instant::now();
        loop {
            let (read, _) = logs::read(
                &pool,
                model,
                &LogFilter::default(),
                LogCursor::default(),
                10,
            )
            .await
            .unwrap();
            if read.len() == 1 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{read:?}");
            sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
        task.await.unwrap();
    }
}
