//! Logs of models: what hooks and the reconciler had to say. They are not
//! events; they are kept in days, with a cap.

use std::fmt;
use std::str::FromStr;

use lazuli_model::id::ModelId;
use sqlx::{PgConnection, PgPool, query, query_as};
use time::OffsetDateTime;

use crate::StoreError;
use crate::convert::{raw, typed};
use crate::event::read::NotACursor;
use crate::limit::Doing;

/// Bytes of one message at most; the rest is cut off.
const MESSAGE: usize = 64 * 1024;

/// How bad a line is (Juju's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

/// A line to append.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// The model.
    pub model: ModelId,
    /// When.
    pub at: OffsetDateTime,
    /// Whose, such as `unit-mysql-0` or `machine-3`.
    pub entity: String,
    /// How bad.
    pub level: Level,
    /// Where in it, such as `unit.mysql/0.juju-log`.
    pub module: String,
    /// What.
    pub message: String,
}

/// Which lines to read.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// Of these entities; a `*` at the end stands for any rest. None: of all.
    pub include: Vec<String>,
    /// But not of these.
    pub exclude: Vec<String>,
    /// In these modules, and what is below them. None: in all.
    pub include_modules: Vec<String>,
    /// But not in these.
    pub exclude_modules: Vec<String>,
    /// This bad or worse.
    pub level: Option<Level>,
    /// Not older than this.
    pub since: Option<OffsetDateTime>,
}

/// Where a reader stands. Opaque outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCursor {
    tx: i64,
    id: i64,
}

struct Record {
    id: i64,
    tx: i64,
    model: uuid::Uuid,
    at: OffsetDateTime,
    entity: String,
    level: i16,
    module: String,
    message: String,
}

/// Appends lines.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn append(pool: &PgPool, lines: &[LogLine]) -> Result<(), StoreError> {
    let mut connection = pool.acquire().doing("append logs").await?;
    append_in(&mut connection, &lines.iter().collect::<Vec<_>>()).await
}

pub(crate) async fn append_in(
    connection: &mut PgConnection,
    lines: &[&LogLine],
) -> Result<(), StoreError> {
    if lines.is_empty() {
        return Ok(());
    }
    query!(
        "insert into logs (model, at, entity, level, module, message)
         select * from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::smallint[],
            $5::text[], $6::text[])",
        &lines.iter().map(|line| raw(line.model)).collect::<Vec<_>>(),
        &lines.iter().map(|line| line.at).collect::<Vec<_>>(),
        &lines
            .iter()
            .map(|line| text(&line.entity))
            .collect::<Vec<_>>(),
        &lines
            .iter()
            .map(|line| number(line.level))
            .collect::<Vec<_>>(),
        &lines
            .iter()
            .map(|line| text(&line.module))
            .collect::<Vec<_>>(),
        &lines
            .iter()
            .map(|line| text(&line.message))
            .collect::<Vec<_>>(),
    )
    .execute(connection)
    .doing("append logs")
    .await?;
    Ok(())
}

/// The lines after a point, in order, with the point to go on from. Lines of
/// transactions that still run come later, never behind the reader's back; so
/// any transaction that writes on the same server holds up what is newer.
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn read(
    pool: &PgPool,
    model: ModelId,
    filter: &LogFilter,
    after: LogCursor,
    limit: u32,
) -> Result<(Vec<LogLine>, LogCursor), StoreError> {
    let records = query_as!(
        Record,
        "select id, tx, model, at, entity, level, module, message from logs
         where model = $1 and (tx, id) > ($2, $3)
            and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            and ($4::smallint is null or level >= $4)
            and ($5::timestamptz is null or at >= $5)
            and (cardinality($6::text[]) = 0 or entity like any($6))
            and not (entity like any($7::text[]))
            and (cardinality($8::text[]) = 0 or module || '.' like any($8))
            and not (module || '.' like any($9::text[]))
         order by tx, id limit $10",
        raw(model),
        after.tx,
        after.id,
        filter.level.map(number),
        filter.since,
        &entities(&filter.include),
        &entities(&filter.exclude),
        &modules(&filter.include_modules),
        &modules(&filter.exclude_modules),
        i64::from(limit),
    )
    .fetch_all(pool)
    .doing("read logs")
    .await?;
    let cursor = records.last().map_or(after, |record| LogCursor {
        tx: record.tx,
        id: record.id,
    });
    Ok((records.into_iter().map(Record::line).collect(), cursor))
}

/// The point from which the last `lines` lines that pass the filter follow
/// (`debug-log -n`).
///
/// # Errors
///
/// Fails when Postgres does.
pub async fn tail(
    pool: &PgPool,
    model: ModelId,
    filter: &LogFilter,
    lines: u32,
) -> Result<LogCursor, StoreError> {
    let record = query!(
        "select id, tx from logs
         where model = $1
            and tx < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            and ($2::smallint is null or level >= $2)
            and ($3::timestamptz is null or at >= $3)
            and (cardinality($4::text[]) = 0 or entity like any($4))
            and not (entity like any($5::text[]))
            and (cardinality($6::text[]) = 0 or module || '.' like any($6))
            and not (module || '.' like any($7::text[]))
         order by tx desc, id desc offset $8 limit 1",
        raw(model),
        filter.level.map(number),
        filter.since,
        &entities(&filter.include),
        &entities(&filter.exclude),
        &modules(&filter.include_modules),
        &modules(&filter.exclude_modules),
        i64::from(lines),
    )
    .fetch_optional(pool)
    .doing("read logs")
    .await?;
    Ok(record.map_or_else(LogCursor::default, |record| LogCursor {
        tx: record.tx,
        id: record.id,
    }))
}

impl Record {
    fn line(self) -> LogLine {
        LogLine {
            model: typed(self.model),
            at: self.at,
            entity: self.entity,
            level: LEVELS
                .into_iter()
                .find(|level| number(*level) == self.level)
                .unwrap_or(Level::Info),
            module: self.module,
            message: self.message,
        }
    }
}

const LEVELS: [Level; 6] = [
    Level::Trace,
    Level::Debug,
    Level::Info,
    Level::Warning,
    Level::Error,
    Level::Critical,
];

fn number(level: Level) -> i16 {
    match level {
        Level::Trace => 1,
        Level::Debug => 2,
        Level::Info => 3,
        Level::Warning => 4,
        Level::Error => 5,
        Level::Critical => 6,
    }
}

/// What Postgres can hold, and not more than is of use: a hook may print
/// anything.
fn text(message: &str) -> String {
    let mut end = message.len().min(MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message[..end].replace('\0', "\u{fffd}")
}

/// Patterns for `like`: `*` at the end stands for any rest.
fn entities(patterns: &[String]) -> Vec<String> {
    patterns
        .iter()
        .map(|pattern| match pattern.strip_suffix('*') {
            Some(start) => format!("{}%", escape(start)),
            None => escape(pattern),
        })
        .collect()
}

/// A module and all below it; compared with a `.` at the end.
fn modules(modules: &[String]) -> Vec<String> {
    modules
        .iter()
        .map(|module| format!("{}.%", escape(module)))
        .collect()
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

impl Level {
    /// Juju's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not a level.
#[derive(Debug, thiserror::Error)]
#[error("not a log level: use TRACE, DEBUG, INFO, WARNING, ERROR or CRITICAL")]
pub struct NotALevel;

impl FromStr for Level {
    type Err = NotALevel;

    fn from_str(text: &str) -> Result<Self, NotALevel> {
        LEVELS
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
            .ok_or(NotALevel)
    }
}

impl fmt::Display for LogCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.tx, self.id)
    }
}

impl FromStr for LogCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (tx, id) = text.split_once('.').ok_or(NotACursor)?;
        Ok(Self {
            tx: tx.parse().map_err(|_| NotACursor)?,
            id: id.parse().map_err(|_| NotACursor)?,
        })
    }
}
